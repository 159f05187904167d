"""Marking runs as deleted, and taking the mark away. Nothing leaves the disk here."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from elman.errors import BadInput
from elman.tracking.find import quoted
from elman.tracking.runs import RunRow, newest_rows, row_of
from elman.tracking.store import without_password
from elman.tracking.tags import PARENT_TAG, PROCESS_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient

SHOWN_RUNS = 5


def with_children(client: MlflowClient, rows: Sequence[RunRow], *, deleted: bool = False) -> list[RunRow]:
    """The rows, and every run below them: the trials of a study."""
    found = {row.id: row for row in rows}
    waiting = list(rows)
    while waiting:
        row = waiting.pop()
        wanted = f"tags.`{PARENT_TAG}` = '{row.id}'"
        children, _ = newest_rows(client, [row.experiment_id], wanted=wanted, deleted=deleted)
        fresh = [child for child in children if child.id not in found]
        found |= {child.id: child for child in fresh}
        waiting += fresh
    return list(found.values())


def named_rows(client: MlflowClient, uri: str, names: Sequence[str]) -> list[RunRow]:
    """The runs with these ids, beginnings of ids, or names.

    Raises:
        BadInput: for one that is none, or several.
    """
    from elman.tracking.find import find_run

    return [row_of(client.get_run(find_run(uri, name).id)) for name in names]


def deleted_row(client: MlflowClient, uri: str, name: str) -> RunRow:
    """The run that was marked as deleted, by id, beginning of an id, or name.

    Raises:
        BadInput: if there is none, or more than one.
    """
    experiments = [str(e.experiment_id) for e in client.search_experiments()]
    found: dict[str, RunRow] = {}
    asked = [f"attributes.run_name = {quoted(name)}"]
    asked += [f"attributes.run_id LIKE '{name}%'"] if name.isalnum() else []
    for wanted in asked:
        rows, _ = newest_rows(client, experiments, wanted=wanted, deleted=True)
        found |= {row.id: row for row in rows}
    if name in found:
        return found[name]
    if not found:
        raise BadInput(f"no deleted run has the id or name {name!r} in {without_password(uri)}")
    if len(found) > 1:
        listed = ", ".join(f"{row.id} ({row.name})" for row in list(found.values())[:SHOWN_RUNS])
        raise BadInput(f"{len(found)} deleted runs match {name!r}, such as {listed}; give more of the id")
    return next(iter(found.values()))


def delete(client: MlflowClient, rows: Sequence[RunRow]) -> None:
    """Mark runs as deleted, those below others first: a study that is left half is still to be found."""
    for row in sorted(rows, key=lambda r: r.parent is None):
        client.delete_run(row.id)


def restore(client: MlflowClient, rows: Sequence[RunRow]) -> None:
    """Take the mark away, of a study before its trials."""
    for row in sorted(rows, key=lambda r: r.parent is not None):
        client.restore_run(row.id)


def removal_command(uri: str, rows: Sequence[RunRow]) -> str:
    """The command that removes runs marked as deleted for good, with their artifacts.

    It asks a server for the artifacts and the server's database for the rest, so it needs both.
    """
    served = uri.startswith(("http://", "https://"))
    shown = shlex.quote(without_password(uri))
    database = "DATABASE_OF_THAT_SERVER" if served else shown
    ids = ",".join(row.id for row in rows)
    return f"MLFLOW_TRACKING_URI={shown} mlflow gc --backend-store-uri={database} --run-ids={ids}"


def writer_of(row: RunRow) -> Any:
    """The process that a run says writes it: `host:pid:start`; None: it says nothing."""
    return row.tags.get(PROCESS_TAG)
