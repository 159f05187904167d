"""The file of a SQLite store, which users delete and put back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elman.errors import BadInput
from elman.tracking.store import sqlite_path

if TYPE_CHECKING:
    from mlflow import MlflowClient


class StoreFile:
    """Whether the file of a SQLite store is still the one that was opened: else what is written goes nowhere.

    Args:
        uri: of the store; one that is no file is always the same.
    """

    def __init__(self, uri: str) -> None:
        self.path = sqlite_path(uri)
        self._opened: tuple[int, int] | None = None

    def remember(self) -> None:
        self._opened = self._now()

    def is_same(self) -> bool:
        """False: another file has taken its place.

        Raises:
            BadInput: if there is none.
        """
        now = self._now()
        if self._opened is not None and now is None:
            raise BadInput(f"{self.path} was deleted while the run wrote to it; put it back")
        return now == self._opened

    def _now(self) -> tuple[int, int] | None:
        try:
            found = None if self.path is None else self.path.stat()
        except OSError:
            return None
        return None if found is None else (found.st_dev, found.st_ino)


def let_go(client: MlflowClient) -> None:
    """Close a client's connections to a file, so that it opens the one that has taken its place."""
    store = getattr(getattr(client, "_tracking_client", None), "store", None)
    if (engine := getattr(store, "engine", None)) is not None:
        engine.dispose()
