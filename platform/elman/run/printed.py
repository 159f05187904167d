"""What each process of a run prints: a file a rank, beside its checkpoints and among its artifacts."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from elman.errors import BadInput
from elman.run.parallel import process_rank
from elman.tracking.logger import RunLogger
from elman.tracking.secrets import without_secrets

FOLDER = "logs"
"""Its name, in the folder of a run's checkpoints and among its artifacts."""
HELD_CHARACTERS = 1_000_000
"""The most that is kept of what a process prints before it has a run."""


class Printed:
    """What this process prints: kept until the run has a folder, from then on appended to a file there.

    What a progress bar draws over is left out. Where the disk takes nothing, lines are lost.
    """

    def __init__(self) -> None:
        self._held, self._file, self._lock = "", Path(), threading.RLock()

    def add(self, text: str) -> None:
        """Keep what was printed, from any thread."""
        with self._lock:
            before, end, line = (self._held + text).rpartition("\n")
            self._held = (before + end + line.rpartition("\r")[2])[-HELD_CHARACTERS:]
            if "\n" in text and self._file.name:
                self._append()

    def keep_in(self, folder: Path) -> None:
        """Begin the file of this process's rank in the folder of a run, or go on with it."""
        began = time.strftime("%Y-%m-%d %H:%M:%S")
        with self._lock:
            self._file = folder / FOLDER / f"rank-{process_rank()}.txt"
            self._held = f"--- {began} {' '.join(sys.argv)}\n{self._held}"
            self._append()

    def record(self, logger: RunLogger, last: str = "") -> None:
        """Make the files of all ranks, as they are now, artifacts of the run; of the first rank.

        Args:
            last: a line more of this rank.
        """
        if last:
            self.add(f"{last}\n")
        if self._file.is_file():
            logger.log_artifact(self._file.parent, FOLDER)

    def _append(self) -> None:
        lines = [line for line in self._held.splitlines(keepends=True) if "\r" not in line]
        self._held = ""
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("a", encoding="utf-8", errors="replace") as file:
                file.write(without_secrets("".join(lines)))


class _Tee:
    """A stream whose text is also kept."""

    def __init__(self, stream: TextIO, kept: Printed) -> None:
        self._stream, self._kept = stream, kept

    def write(self, text: str) -> int:
        self._kept.add(text)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def keeping(kept: Printed) -> Iterator[None]:
    """Keep what is printed in here, and the error that ends it."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _Tee(sys.stdout, kept), _Tee(sys.stderr, kept)  # type: ignore[assignment]
    try:
        yield
    except BadInput as error:
        kept.add(f"{error}\n")
        raise
    except Exception:
        kept.add(traceback.format_exc())
        raise
    finally:
        sys.stdout, sys.stderr = before
