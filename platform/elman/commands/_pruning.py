"""`elman runs prune` and `elman runs restore`: marks in the store; files stay where they are."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from elman.commands import note
from elman.commands._table import print_table, printable
from elman.errors import BadInput
from elman.program import program
from elman.tracking.deleting import delete, removal_command, with_children
from elman.tracking.deleting import restore as bring_back
from elman.tracking.find import find_run, mark_stale
from elman.tracking.reading import chosen_experiments, open_to_read
from elman.tracking.runs import RunRow, newest_rows
from elman.tracking.tags import PROCESS_TAG

SHOWN_RUNS = 20


def prune(chosen: Sequence[str], *, uri: str | None, yes: bool, wanted: str, experiment: str | None) -> None:
    """Mark runs as deleted, once that is confirmed.

    Args:
        chosen: ids or names.
        uri: of their store; None: as usual.
        yes: it is confirmed already.
        wanted: a filter that chooses them instead, in `experiment`.
    """
    with open_to_read(uri) as (client, store):
        mark_stale(store)
        if wanted:
            where = chosen_experiments(client, store, experiment)
            found, _ = newest_rows(client, list(where), wanted=wanted)
            if not found:
                note(f"no such run in {', '.join(map(repr, where.values()))}")
                return
        else:
            found = [find_run(store, name) for name in chosen]
        rows = with_children(client, found)
        _refuse_living(rows, named={row.id for row in found} if chosen else set())
        _show(rows)
        if not yes and not _confirmed():
            note("nothing was changed")
            return
        delete(client, rows)
    tops = [row.id for row in found if row.parent not in {r.id for r in rows}]
    print(f"{_counted(rows)} marked as deleted")
    print(f"bring back:      {program()} runs restore {' '.join(tops)}")
    print(f"remove for good: {removal_command(store, rows)}")
    for folder in sorted({row.checkpoints for row in rows if row.checkpoints}):
        if Path(folder).is_dir():
            size = sum(file.stat().st_size for file in Path(folder).iterdir() if file.is_file())
            print(f"left on disk:    {printable(folder)} ({size / 2**20:.1f} MiB)")


def restore(chosen: Sequence[str], *, uri: str | None) -> None:
    """Take the mark away from runs, by their ids or names."""
    with open_to_read(uri) as (client, store):
        found = [find_run(store, name, deleted=True) for name in chosen]
        rows = with_children(client, found, deleted=True)
        bring_back(client, rows)
    _show(rows)
    print(f"{_counted(rows)} brought back")


def _refuse_living(rows: Sequence[RunRow], *, named: set[str]) -> None:
    """Refuse what is still being written; where that is unknown, of a process elsewhere, it must be named."""
    for row in rows:
        if row.state != "running" or row.alive is False:
            continue
        if row.alive is None and row.id in named:
            continue
        sure = "is" if row.alive else "says that it is"
        way_out = "stop that first" if row.alive else "stop that first, or name the run by its id"
        writer = row.tags.get(PROCESS_TAG)
        raise BadInput(f"run {row.id} ({row.name}) {sure} being written by {writer}; {way_out}")


def _confirmed() -> bool:
    if not sys.stdin.isatty():
        raise BadInput("nobody is here to be asked; say --yes to mark these runs as deleted")
    try:
        return input("mark as deleted? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _show(rows: Sequence[RunRow]) -> None:
    cells = [[row.id, row.name, row.state, row.recipe, row.study] for row in rows[:SHOWN_RUNS]]
    print_table(["run", "name", "state", "recipe", "study"], cells, whole=["run", "state"])
    if len(rows) > SHOWN_RUNS:
        print(f"and {len(rows) - SHOWN_RUNS} more")


def _counted(rows: Sequence[RunRow]) -> str:
    trials = sum(row.trial is not None for row in rows)
    runs = f"{len(rows)} run{'s' if len(rows) != 1 else ''}"
    return f"{runs}, {trials} of them trials," if trials else runs
