"""A run begins: in its store if that answers, else in its spool alone."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from elman.errors import BadInput
from elman.tracking.find import mark_dead
from elman.tracking.opening import create_run, first_tags, reopen_run
from elman.tracking.process import identity
from elman.tracking.retry import is_passing, reason
from elman.tracking.runs import RunRow, whole
from elman.tracking.secrets import without_secrets
from elman.tracking.spool import Spool
from elman.tracking.store import first_line, open_store
from elman.tracking.tags import DIVERGED_TAG, LAST_STEP_TAG, ORIGIN_TAG
from elman.tracking.unsent import FOLDER, connect, left_spools, register, send_all_left
from elman.tracking.writer import ASIDE, RunWriter

if TYPE_CHECKING:
    from mlflow import MlflowClient

log = logging.getLogger(__name__)


class Begun(NamedTuple):
    """A run that is being written.

    Args:
        id: the store's; where it was away when the run began, one of our own.
        experiment: its name.
        experiment_id: None where the store was away.
        spool: its own.
        connect: makes the writer of the run, once the store answers.
    """

    id: str
    experiment: str
    experiment_id: str | None
    spool: Spool
    connect: Callable[[], RunWriter]


def why_away(uri: str) -> str:
    """Why the store does not answer, though it may later; "": it does.

    Raises:
        BadInput: if it refuses us, or there can be no such store.
    """
    try:
        open_store(uri)
    except BadInput as error:
        if not is_passing(error):
            raise
        return reason(error)
    return ""


def open_run(
    client: MlflowClient,
    uri: str,
    folder: Path,
    *,
    run_id: str | None,
    experiment: str,
    name: str | None,
    tags: Mapping[str, Any],
    away: str = "",
) -> Begun:
    """A new run, or one to go on with, RUNNING.

    Args:
        folder: of all runs' checkpoints; the spool lies in that of this run.
        run_id: of a run to go on with.
        name: of a new run; None lets MLflow draw one.
        tags: that a new run is made with.
        away: why the store does not answer; "": it did a moment ago.

    Raises:
        BadInput: if the run is not there or is written by another process, or the spool cannot be.
    """
    origin, row = uuid.uuid4().hex, None
    first = first_tags({**tags, ORIGIN_TAG: origin})
    with ExitStack() as undoing:
        if not away:
            try:
                if run_id:
                    row = reopen_run(client, uri, run_id)
                    undoing.callback(_end_in_store, client, row.id)
                    experiment = str(client.get_experiment(row.experiment_id).name)
                    _give_its_name(folder, row)
                else:
                    row = create_run(client, uri, experiment=experiment, name=name, tags=first)
                    undoing.callback(_end_in_store, client, row.id)
            except BadInput:
                raise
            except Exception as error:
                if not is_passing(error):
                    shown = f"{without_secrets(uri)}: {first_line(error)}"
                    raise BadInput(f"MLflow cannot open the run in {shown}") from error
                away = reason(error)
        known = run_id or (origin if row is None else row.id)
        spool = Spool((folder / known / FOLDER).resolve())
        undoing.pop_all()
        undoing.callback(leave, spool)
        if "origin" not in spool.about:  # a spool of its own until now
            began = {"started_ms": int(time.time() * 1000), "run": run_id or "", "tags": first}
            spool.note(origin=origin, experiment=experiment, name=name, **began)
        spool.note(uri=without_secrets(uri), finished=False)
        register(spool.folder or folder)
        if row is not None:
            _note(client, spool, row)
            mark_dead(uri)
        elif run_id:
            spool.append("running", {"process": identity()})
        undoing.pop_all()
    if away:
        log.warning("%s: the run goes on without it, and its record waits in %s", away, spool.folder)
    elif set(left_spools()) - {spool.folder}:
        threading.Thread(target=send_all_left, args=[uri], name="elman-left", daemon=True).start()
    return Begun(
        known if row is None else row.id,
        experiment,
        None if row is None else row.experiment_id,
        spool,
        _connector(spool, uri, client if row is not None else None, fresh=row is not None and not run_id),
    )


def leave(spool: Spool) -> None:
    """A run that was stopped while it began: its end is in its spool, for whoever opens the store next."""
    spool.append("status", {"status": "KILLED", "ended_ms": int(time.time() * 1000)})
    spool.close()


def _end_in_store(client: MlflowClient, run_id: str) -> None:
    with suppress(Exception):  # it is found dead later
        client.set_terminated(run_id, "KILLED")


def _give_its_name(folder: Path, row: RunRow) -> None:
    """Let the folder of a run that began while the store was away be found by the run's id as well."""
    began_as = row.tags.get(ORIGIN_TAG, "")
    if began_as and (folder / began_as).is_dir() and not (folder / row.id).exists():
        (folder / row.id).symlink_to(began_as)


def _note(client: MlflowClient, spool: Spool, row: RunRow) -> None:
    """What the store knows of the run, for the spool."""
    about = spool.about
    last, diverged_at = whole(row.tags.get(LAST_STEP_TAG)), whole(row.tags.get(DIVERGED_TAG))
    spool.note(run=row.id, last_step=max(-1 if last is None else last, about.get("last_step", -1)))
    if about.get("diverged_at") is None:
        spool.note(diverged_at=diverged_at)
    if "samples" not in about and (measured := [name for name in row.metrics if name.startswith(ASIDE)]):
        spool.note(samples=1 + max(m.step for m in client.get_metric_history(row.id, measured[0])))


def _connector(spool: Spool, uri: str, client: Any, *, fresh: bool) -> Callable[[], RunWriter]:
    """What connects: at first by the client that has opened the run, later by one of its own."""
    once = [(client, fresh)] if client is not None else []

    def again() -> RunWriter:
        given, new = once.pop() if once else (None, False)
        return connect(spool, uri, given, fresh=new)

    return again
