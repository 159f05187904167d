"""Finding runs in a store: those to continue, one by name, and those whose process died."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from elman.errors import BadInput
from elman.tracking.process import host, is_alive
from elman.tracking.store import first_line, open_store, without_password
from elman.tracking.tags import CHECKPOINTS_TAG, DIGEST_TAG, PROCESS_TAG

log = logging.getLogger(__name__)

PAGE_RUNS = 1000


@dataclass(frozen=True, kw_only=True)
class FoundRun:
    """A run of the store.

    `alive` says whether the process that wrote it still runs; None: it was on another host, or unknown.
    """

    id: str
    name: str
    status: str
    start_time_ms: int
    experiment_id: str
    alive: bool | None
    checkpoints: str | None
    tags: dict[str, str]


def unfinished(tracking_uri: str, experiment: str, value: str, *, tag: str = DIGEST_TAG) -> list[FoundRun]:
    """Runs of this recipe that did not end well, newest first.

    Args:
        value: the recipe's digest, or what else `tag` holds.
    """
    client = open_store(tracking_uri)
    found = client.get_experiment_by_name(experiment)
    if found is None:
        return []
    wanted = f"tags.`{tag}` = {quoted(value)} and attributes.status != 'FINISHED'"
    return [_found(run) for run in search_runs(client, [found.experiment_id], wanted)]


def finished(tracking_uri: str, experiment: str, digest: str) -> list[dict[str, float]]:
    """The last metrics of the runs that ended well with a recipe of this digest, newest first."""
    client = open_store(tracking_uri)
    found = client.get_experiment_by_name(experiment)
    if found is None:
        return []
    wanted = f"tags.`{DIGEST_TAG}` = {quoted(digest)} and attributes.status = 'FINISHED'"
    return [dict(run.data.metrics) for run in search_runs(client, [found.experiment_id], wanted)]


def find_run(tracking_uri: str, text: str) -> FoundRun:
    """The run with this id, beginning of an id, or name.

    Raises:
        BadInput: if there is none or more than one.
    """
    client = open_store(tracking_uri)
    experiments = [e.experiment_id for e in client.search_experiments()]
    runs: dict[str, Any] = {}
    if text and experiments:
        for run in search_runs(client, experiments, f"attributes.run_name = {quoted(text)}"):
            runs[run.info.run_id] = run
        if text.isalnum():
            for run in search_runs(client, experiments, f"attributes.run_id LIKE '{text}%'"):
                runs[run.info.run_id] = run
    if text in runs:
        return _found(runs[text])
    if not runs:
        raise BadInput(
            f"no run has the id or name {text!r} in {without_password(tracking_uri)}; `elman ui` lists them"
        )
    if len(runs) > 1:
        listed = ", ".join(f"{r.info.run_id} ({r.info.run_name}, {r.info.status})" for r in runs.values())
        raise BadInput(f"{len(runs)} runs match {text!r}: {listed}; give more of the id")
    return _found(next(iter(runs.values())))


def mark_stale(tracking_uri: str) -> list[str]:
    """Mark as FAILED the RUNNING runs of this host whose process is gone, as after kill -9; their ids.

    A store that fails here is no reason to stop anybody: it is logged.
    """
    closed: list[str] = []
    try:
        client = open_store(tracking_uri)
        experiments = [e.experiment_id for e in client.search_experiments()]
        wanted = f"attributes.status = 'RUNNING' and tags.`{PROCESS_TAG}` LIKE {quoted(host() + ':%')}"
        for run in list(search_runs(client, experiments, wanted)) if experiments else []:
            if is_alive(run.data.tags.get(PROCESS_TAG)) is False:
                client.set_terminated(run.info.run_id, "FAILED")
                closed.append(run.info.run_id)
    except BadInput:
        raise
    except Exception as error:
        log.warning("runs of dead processes could not be closed: %s", first_line(error))
    return closed


def search_runs(client: Any, experiments: list[str], wanted: str) -> Iterator[Any]:
    token = None
    while True:
        page = client.search_runs(
            experiments,
            wanted,
            max_results=PAGE_RUNS,
            order_by=["attributes.start_time DESC"],
            page_token=token,
        )
        yield from page
        token = page.token
        if not token:
            return


def _found(run: Any) -> FoundRun:
    tags = dict(run.data.tags)
    return FoundRun(
        id=run.info.run_id,
        name=run.info.run_name or "",
        status=run.info.status,
        start_time_ms=run.info.start_time,
        experiment_id=run.info.experiment_id,
        alive=is_alive(tags.get(PROCESS_TAG)),
        checkpoints=tags.get(CHECKPOINTS_TAG),
        tags=tags,
    )


def quoted(text: str) -> str:
    """A value in MLflow's filter language, which has two kinds of quotes and no escape."""
    if "'" in text and '"' in text:
        raise BadInput(
            f"{text!r} holds both kinds of quotes, which MLflow cannot search for; use the run's id"
        )
    return f'"{text}"' if "'" in text else f"'{text}'"
