"""Marking runs as deleted, and taking the mark away. Nothing leaves the disk here."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from elman.tracking.runs import RunRow, search_runs
from elman.tracking.secrets import without_secrets
from elman.tracking.tags import PARENT_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient


def with_children(client: MlflowClient, rows: Sequence[RunRow], *, deleted: bool = False) -> list[RunRow]:
    """The rows, and every run below them: the trials of a study."""
    found = {row.id: row for row in rows}
    waiting = list(rows)
    while waiting:
        row = waiting.pop()
        wanted = f"tags.`{PARENT_TAG}` = '{row.id}'"
        children = search_runs(client, [row.experiment_id], wanted, deleted=deleted)
        fresh = [child for child in children if child.id not in found]
        found |= {child.id: child for child in fresh}
        waiting += fresh
    return list(found.values())


def delete(client: MlflowClient, rows: Sequence[RunRow]) -> None:
    """Mark runs as deleted, children first: a study of which half is deleted can still be found."""
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
    shown = shlex.quote(without_secrets(uri))
    database = "DATABASE_OF_THAT_SERVER" if served else shown
    ids = ",".join(row.id for row in rows)
    return f"MLFLOW_TRACKING_URI={shown} mlflow gc --backend-store-uri={database} --run-ids={ids}"
