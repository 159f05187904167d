"""The run that a process writes: created, or reopened to go on with."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from elman.errors import BadInput
from elman.tracking.process import identity, is_alive
from elman.tracking.retry import is_passing
from elman.tracking.runs import RunRow, quoted, row_of, search_runs, whole
from elman.tracking.secrets import without_secrets
from elman.tracking.store import artifact_folder
from elman.tracking.tags import (
    ATTEMPT_TAG,
    ORIGIN_TAG,
    PROCESS_TAG,
    SOURCE_TAG,
    SOURCE_TYPE_TAG,
    USER_TAG,
    WHY_TAG,
)
from elman.tracking.writer import clean_tags

if TYPE_CHECKING:
    from mlflow import MlflowClient


def first_tags(tags: Mapping[str, Any] | None = None) -> dict[str, str]:
    """What a new run is made with: who and what writes it, and `tags`."""
    user = "unknown"
    with suppress(Exception):  # a user id without a name, as in many containers
        user = getpass.getuser()
    return {
        USER_TAG: user,
        SOURCE_TAG: without_secrets(sys.argv[0] or "python"),
        SOURCE_TYPE_TAG: "LOCAL",
        PROCESS_TAG: identity(),
        ATTEMPT_TAG: "1",
        **clean_tags(tags or {}),
    }


def create_run(
    client: MlflowClient,
    uri: str,
    *,
    experiment: str,
    name: str | None,
    tags: Mapping[str, str] | None = None,
    started_ms: int | None = None,
) -> RunRow:
    """A new run, RUNNING.

    Args:
        name: None lets MLflow draw one.
        tags: as `first_tags` makes them; None: those alone.
        started_ms: when it began, in milliseconds since 1970; None: now.
    """
    made_in = _experiment_id(client, uri, experiment)
    return row_of(
        client.create_run(made_in, start_time=started_ms, run_name=name, tags=dict(tags or first_tags()))
    )


def run_of_origin(client: MlflowClient, experiment: str, origin: str) -> RunRow | None:
    """The run that was begun under an id of its own; None: the store does not have it yet."""
    found = client.get_experiment_by_name(experiment)
    wanted = f"tags.`{ORIGIN_TAG}` = {quoted(origin)}"
    return None if found is None else next(search_runs(client, [str(found.experiment_id)], wanted), None)


def reopen_run(client: MlflowClient, uri: str, run_id: str) -> RunRow:
    """The same run once more, RUNNING, with the next attempt number; as it was before.

    Raises:
        BadInput: if it is not there, was deleted, or another living process writes it.
    """
    from mlflow.exceptions import MlflowException

    try:
        found = client.get_run(run_id)
    except MlflowException as error:
        if is_passing(error):
            raise
        raise BadInput(f"run_id {run_id!r} is not in {without_secrets(uri)}") from error
    if found.info.lifecycle_stage == "deleted":
        raise BadInput(f"run {run_id!r} was deleted; restore it in MLflow or start a new run")
    run = row_of(found)
    owner = run.tags.get(PROCESS_TAG)
    if run.status == "RUNNING" and owner != identity() and is_alive(owner):
        # It may be about to end, as one whose search was killed: `retry` tries again.
        raise BadInput(
            f"run {run_id!r} is being written by process {owner}; stop that first"
        ) from BlockingIOError()
    client.update_run(run_id, "RUNNING")
    if WHY_TAG in run.tags:  # of its last end
        client.delete_tag(run_id, WHY_TAG)
    client.set_tag(run_id, PROCESS_TAG, identity())
    attempts = whole(run.tags.get(ATTEMPT_TAG))  # 0 of a run that was made for another process to begin
    client.set_tag(run_id, ATTEMPT_TAG, str((1 if attempts is None else attempts) + 1))
    return run


def _experiment_id(client: MlflowClient, uri: str, name: str) -> str:
    """The id of an experiment, created when missing, also when several processes do so at once."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        folder = artifact_folder(uri)
        place = None if folder is None else (folder / _folder_name(name)).as_uri()
        with suppress(MlflowException):  # another process was faster
            client.create_experiment(name, place)
        found = client.get_experiment_by_name(name)
    if found is None:
        raise BadInput(f"experiment {name!r} could not be created in {without_secrets(uri)}")
    if found.lifecycle_stage == "deleted":
        raise BadInput(
            f"experiment {name!r} was deleted; `mlflow experiments restore -x {found.experiment_id}` "
            "brings it back, or choose another name"
        )
    return str(found.experiment_id)


def _folder_name(name: str) -> str:
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in name).lstrip(".") or "_"
