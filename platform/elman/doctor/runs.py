"""The store, its runs whose process is gone, what they have left unsent, and their checkpoints."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

from elman.doctor.finding import BROKEN, OK, WARNING, Finding, Place
from elman.errors import BadInput
from elman.run.sealed import is_damaged
from elman.tracking.birth import is_absent
from elman.tracking.find import mark_stale
from elman.tracking.lock import is_held
from elman.tracking.reading import open_to_read
from elman.tracking.runs import search_runs
from elman.tracking.secrets import without_secrets
from elman.tracking.spool import Spool
from elman.tracking.store import resolve_uri, sqlite_path
from elman.tracking.tags import CHECKPOINTS_TAG
from elman.tracking.unsent import left_spools

SHOWN = 5


def store(place: Place) -> list[Finding]:
    """Whether it answers, with the tables of this MLflow; one half made is replaced, which is logged."""
    if _is_missing(place):
        line = f"none at {sqlite_path(resolve_uri(place.uri))}; the first run makes it"
        return [Finding("store", OK, line)]
    try:
        with open_to_read(place.uri) as (client, uri):
            experiments = client.search_experiments()
    except BadInput as error:
        line, _, way_out = str(error).partition("; ")
        return [Finding("store", BROKEN, line, way_out)]
    return [Finding("store", OK, f"{without_secrets(uri)}, {len(experiments)} experiments")]


def dead_runs(place: Place) -> list[Finding]:
    """Runs of this machine whose process is gone are marked, after what they have left was sent."""
    if _is_missing(place):
        return []
    try:
        marked = mark_stale(resolve_uri(place.uri))
    except BadInput:  # another check's
        return []
    if not marked:
        return [Finding("dead runs", OK, "none that says it is running")]
    shown = ", ".join(marked[:SHOWN]) + (", ..." if len(marked) > SHOWN else "")
    line = f"{len(marked)} had no process any more, as after kill -9, and are marked as failed: {shown}"
    return [Finding("dead runs", WARNING, line, "go on with one: elman fit --resume RUN")]


def spools(place: Place) -> list[Finding]:
    """What runs have recorded and their store did not take."""
    found = []
    for folder in left_spools([place.checkpoints]):
        if is_held(folder.parent):
            continue
        try:
            spool = Spool(folder)
        except BadInput as error:
            found.append(Finding("spool", WARNING, str(error).partition("; ")[0], "end that process"))
            continue
        waiting, where = len(spool), spool.about.get("uri", "its store")
        spool.close()
        if waiting:
            line = f"{waiting} entries of run {folder.parent.name} wait for {where}"
            found.append(Finding("spool", WARNING, line, "start that store, then: elman sync"))
    return found or [Finding("spools", OK, "nothing waits to be sent")]


def checkpoints(place: Place) -> list[Finding]:
    """Checksums of the checkpoints of the store's runs, where they are here, and of those in the folder."""
    found, seen, size = [], set(), 0
    for path in _files(place):
        about = path.stat()
        if (about.st_dev, about.st_ino) in seen:  # the best one is often the last one, too
            continue
        seen.add((about.st_dev, about.st_ino))
        size += about.st_size
        if not zipfile.is_zipfile(path) or is_damaged(path):
            way_out = "delete it: --resume goes on from the one before"
            found.append(Finding("checkpoint", BROKEN, f"{path} is damaged or cut short", way_out))
    return found or [Finding("checkpoints", OK, f"{len(seen)} whole, {size / 1e6:,.1f} MB")]


def _files(place: Place) -> Iterator[Path]:
    folders = {path.resolve(): None for path in sorted(place.checkpoints.glob("*")) if path.is_dir()}
    if not _is_missing(place):
        try:
            with open_to_read(place.uri) as (client, _):
                experiments = [str(each.experiment_id) for each in client.search_experiments()]
                for run in search_runs(client, experiments, f"tags.`{CHECKPOINTS_TAG}` LIKE '%'"):
                    folders[Path(run.checkpoints or "").resolve()] = None
        except BadInput:  # another check's
            pass
    for folder in folders:
        yield from sorted(folder.glob("*.ckpt"))


def _is_missing(place: Place) -> bool:
    """Whether the store is a file that no run has made yet."""
    try:
        path = sqlite_path(resolve_uri(place.uri))
    except BadInput:
        return False
    return path is not None and is_absent(path)
