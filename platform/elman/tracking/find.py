"""Finding runs in a store: those to continue, one by name, and those whose process died."""

from __future__ import annotations

import logging

from elman.errors import BadInput
from elman.tracking.process import host
from elman.tracking.runs import RunRow, quoted, search_runs
from elman.tracking.secrets import without_secrets
from elman.tracking.store import first_line, open_store
from elman.tracking.tags import DIGEST_TAG, PROCESS_TAG, WHY_TAG
from elman.tracking.unsent import send_all_left

log = logging.getLogger(__name__)

SHOWN_RUNS = 5


def unfinished(tracking_uri: str, experiment: str, value: str, *, tag: str = DIGEST_TAG) -> list[RunRow]:
    """Runs of this recipe that did not end well, newest first.

    Args:
        value: the recipe's digest, or what else `tag` holds.
    """
    wanted = f"tags.`{tag}` = {quoted(value)} and attributes.status != 'FINISHED'"
    return _of_experiment(tracking_uri, experiment, wanted)


def finished(tracking_uri: str, experiment: str, digest: str) -> list[RunRow]:
    """The runs that ended well with a recipe of this digest, newest first."""
    wanted = f"tags.`{DIGEST_TAG}` = {quoted(digest)} and attributes.status = 'FINISHED'"
    return _of_experiment(tracking_uri, experiment, wanted)


def find_run(tracking_uri: str, text: str, *, deleted: bool = False) -> RunRow:
    """The run with this id, beginning of an id, or name.

    Args:
        deleted: look among those marked as deleted, instead of the others.

    Raises:
        BadInput: if there is none or more than one.
    """
    client = open_store(tracking_uri)
    experiments = [str(e.experiment_id) for e in client.search_experiments()]
    asked = [f"attributes.run_name = {quoted(text)}"] if text else []
    asked += [f"attributes.run_id LIKE '{text}%'"] if text.isalnum() else []
    found = {
        row.id: row for wanted in asked for row in search_runs(client, experiments, wanted, deleted=deleted)
    }
    if text in found:
        return found[text]
    kind = "deleted run" if deleted else "run"
    if not found:
        way_out = "" if deleted else "; `elman ui` lists them"
        raise BadInput(f"no {kind} has the id or name {text!r} in {without_secrets(tracking_uri)}{way_out}")
    if len(found) > 1:
        shown = [f"{row.id} ({row.name}, {row.status})" for row in list(found.values())[:SHOWN_RUNS]]
        more = ", ..." if len(found) > SHOWN_RUNS else ""
        raise BadInput(f"{len(found)} {kind}s match {text!r}: {', '.join(shown)}{more}; give more of the id")
    return next(iter(found.values()))


def mark_stale(tracking_uri: str) -> list[str]:
    """Mark as FAILED the RUNNING runs of this host whose process is gone, as after kill -9; their ids.

    What runs have left unsent for this store is sent first. What fails here stops nothing: it is logged.
    """
    send_all_left(tracking_uri)
    return mark_dead(tracking_uri)


def mark_dead(tracking_uri: str) -> list[str]:
    """`mark_stale`, for a run that begins: it sends what is left beside its own work."""
    marked: list[str] = []
    try:
        client = open_store(tracking_uri)
        experiments = [str(e.experiment_id) for e in client.search_experiments()]
        wanted = f"attributes.status = 'RUNNING' and tags.`{PROCESS_TAG}` LIKE {quoted(host() + ':%')}"
        for row in list(search_runs(client, experiments, wanted)):
            if row.alive is False:
                gone = f"its process {row.tags[PROCESS_TAG]} is gone, as after kill -9 or a power cut"
                client.set_tag(row.id, WHY_TAG, gone)
                client.set_terminated(row.id, "FAILED")
                marked.append(row.id)
    except BadInput:
        raise
    except Exception as error:
        log.warning("runs of dead processes could not be closed: %s", first_line(error))
    return marked


def _of_experiment(tracking_uri: str, name: str, wanted: str) -> list[RunRow]:
    """None of an experiment that is not there."""
    client = open_store(tracking_uri)
    found = client.get_experiment_by_name(name)
    return [] if found is None else list(search_runs(client, [str(found.experiment_id)], wanted))
