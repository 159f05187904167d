"""`elman runs prune` and `elman runs restore`: marks in the store; files stay where they are."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from elman.commands.options import flag, option
from elman.commands.table import print_table, printable
from elman.commands.words import EXPERIMENT, names, note, store_uri
from elman.errors import BadInput
from elman.tracking.runs import RunRow, newest_rows
from elman.tracking.tags import PROCESS_TAG

PRUNE = "elman runs prune RUN ... | --filter=TEXT [--tracking.experiment=NAME] [--yes]"
RESTORE = "elman runs restore RUN ..."
SHOWN_RUNS = 20


def prune(words: list[str]) -> int:
    """`elman runs prune RUN ... | --filter=TEXT [--tracking.experiment=NAME] [--yes]`"""
    from elman.tracking.deleting import delete, removal_command, with_children
    from elman.tracking.find import find_run, mark_stale
    from elman.tracking.reading import chosen_experiments, open_to_read

    configured, rest = store_uri(words)
    yes, rest = flag(rest, "--yes")
    wanted, rest = option(rest, "--filter", "")
    experiment, rest = option(rest, EXPERIMENT, "")
    chosen = names(rest, PRUNE, least=0 if wanted else 1, most=0 if wanted else None)
    with open_to_read(configured) as (client, uri):
        mark_stale(uri)
        if wanted:
            where = chosen_experiments(client, uri, experiment or None)
            found, _ = newest_rows(client, list(where), wanted=wanted)
            if not found:
                note(f"no such run in {', '.join(map(repr, where.values()))}")
                return 0
        else:
            found = [find_run(uri, name) for name in chosen]
        rows = with_children(client, found)
        _refuse_living(rows, named={row.id for row in found} if chosen else set())
        _show(rows)
        if not yes and not _agreed():
            note("nothing was changed")
            return 0
        delete(client, rows)
    tops = [row.id for row in found if row.parent not in {r.id for r in rows}]
    print(f"{_counted(rows)} marked as deleted")
    print(f"bring back:      elman runs restore {' '.join(tops)}")
    print(f"remove for good: {removal_command(uri, rows)}")
    for folder in sorted({row.checkpoints for row in rows if row.checkpoints}):
        if Path(folder).is_dir():
            size = sum(file.stat().st_size for file in Path(folder).iterdir() if file.is_file())
            print(f"left on disk:    {printable(folder)} ({size / 2**20:.1f} MiB)")
    return 0


def restore(words: list[str]) -> int:
    """`elman runs restore RUN ...`"""
    from elman.tracking.deleting import restore as bring_back
    from elman.tracking.deleting import with_children
    from elman.tracking.find import find_run
    from elman.tracking.reading import open_to_read

    configured, rest = store_uri(words)
    chosen = names(rest, RESTORE, least=1)
    with open_to_read(configured) as (client, uri):
        found = [find_run(uri, name, deleted=True) for name in chosen]
        rows = with_children(client, found, deleted=True)
        bring_back(client, rows)
    _show(rows)
    print(f"{_counted(rows)} brought back")
    return 0


def _refuse_living(rows: Sequence[RunRow], *, named: set[str]) -> None:
    """Refuse what is still being written; of a process elsewhere nobody knows: that run must be named."""
    for row in rows:
        if row.state != "running" or row.alive is False:
            continue
        if row.alive is None and row.id in named:
            continue
        sure = "is" if row.alive else "says that it is"
        way_out = "stop that first" if row.alive else "stop that first, or name the run by its id"
        writer = row.tags.get(PROCESS_TAG)
        raise BadInput(f"run {row.id} ({row.name}) {sure} being written by {writer}; {way_out}")


def _agreed() -> bool:
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
