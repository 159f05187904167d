"""Reading a store that exists, and what is asked for in it."""

from __future__ import annotations

import difflib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elman.errors import BadInput
from elman.tracking.birth import existing
from elman.tracking.runs import newest_run
from elman.tracking.secrets import without_secrets
from elman.tracking.store import open_store, resolve_uri, sqlite_path

if TYPE_CHECKING:
    from mlflow import MlflowClient

TEXT_BYTES = 64 << 20
LINE_CHARACTERS = 400


@contextmanager
def open_to_read(configured: str | None = None) -> Iterator[tuple[MlflowClient, str]]:
    """A client of a store that exists, and its URI; a mistake that MLflow finds in here is one line.

    A store that is not there is not made, as writing to it would.

    Args:
        configured: the store; None: MLFLOW_TRACKING_URI, else `mlflow.db` of this folder.

    Raises:
        BadInput: if there is none, it is something else, it is unreachable, or it refuses what was asked.
    """
    uri = resolve_uri(configured)
    path = sqlite_path(uri)
    if path is not None:
        _refuse_other_files(path)
    client = open_store(uri)
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    from mlflow.exceptions import MlflowException

    try:
        yield client, uri
    except MlflowException as error:
        raise BadInput(f"MLflow at {without_secrets(uri)} says: {_one_line(error)}") from error


def chosen_experiments(
    client: MlflowClient, uri: str, name: str | None, *, everywhere: bool = False
) -> dict[str, str]:
    """Names of experiments by their ids: the one named, that of the newest run, or all.

    Raises:
        BadInput: if there is none of this name, or no run at all.
    """
    if name is not None and not everywhere:
        return {experiment_id(client, uri, name): name}
    names = {str(e.experiment_id): str(e.name) for e in client.search_experiments()}
    newest = newest_run(client, list(names))
    if newest is None:
        raise BadInput(f"{without_secrets(uri)} holds no run yet; `elman fit RECIPE.yaml` makes one")
    return names if everywhere else {newest.experiment_id: names[newest.experiment_id]}


def experiment_id(client: MlflowClient, uri: str, name: str) -> str:
    """The id of an experiment.

    Raises:
        BadInput: if there is none of this name.
    """
    found = client.get_experiment_by_name(name)
    shown = without_secrets(uri)
    if found is None:
        names = [experiment.name for experiment in client.search_experiments()]
        near = close_to(name, names)
        hint = f"did you mean {near}?" if near else f"there are {', '.join(map(repr, names[:20]))}"
        raise BadInput(f"no experiment {name!r} in {shown}; {hint}")
    if found.lifecycle_stage == "deleted":
        raise BadInput(
            f"experiment {name!r} of {shown} was deleted; "
            f"`mlflow experiments restore -x {found.experiment_id}` brings it back"
        )
    return str(found.experiment_id)


def read_text(client: MlflowClient, run_id: str, path: str) -> str | None:
    """A text that a run keeps as an artifact; None: it has none of this name.

    Raises:
        BadInput: if it is too large to be one of ours, or cannot be fetched.
    """
    folder, _, _ = path.rpartition("/")
    try:
        there = {item.path: item for item in client.list_artifacts(run_id, folder or None)}
        if path not in there or there[path].is_dir:
            return None
        if (there[path].file_size or 0) > TEXT_BYTES:
            raise BadInput(
                f"artifact {path} of run {run_id} has {there[path].file_size} bytes; not one of ours"
            )
        with tempfile.TemporaryDirectory() as place:
            return Path(client.download_artifacts(run_id, path, place)).read_text(encoding="utf-8")
    except (ImportError, OSError, UnicodeDecodeError) as error:
        raise BadInput(f"artifact {path} of run {run_id} cannot be read: {_one_line(error)}") from error


def close_to(text: str, names: Any, count: int = 3) -> str:
    """Names that `text` may be meant for, in a line; "" if there are none."""
    return " or ".join(map(repr, difflib.get_close_matches(text, list(names), n=count, cutoff=0.5)))


def _one_line(error: Exception) -> str:
    return without_secrets(" ".join(str(error).split()))[:LINE_CHARACTERS]


def _refuse_other_files(path: Path) -> None:
    """MLflow would make its tables in an empty file, and in a database of another kind."""
    way_out = (
        "`elman fit RECIPE.yaml` makes one, --tracking.tracking_uri or MLFLOW_TRACKING_URI names another"
    )
    if not path.is_file() or path.stat().st_size == 0:
        raise BadInput(f"there is no tracking store at {path}; {way_out}")
    try:
        with closing(existing(path)) as database:
            asked = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'experiments'"
            ours = database.execute(asked).fetchone()
    except sqlite3.Error as error:
        raise BadInput(f"{path} cannot be read as a tracking store ({error}); {way_out}") from error
    if not ours:
        raise BadInput(f"{path} is a database, but no tracking store of MLflow; {way_out}")
