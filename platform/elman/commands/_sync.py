"""Sending what runs have left, and saying what became of it."""

from __future__ import annotations

from pathlib import Path

from elman.errors import BadInput
from elman.printable import printable
from elman.tracking.find import mark_dead
from elman.tracking.store import resolve_uri
from elman.tracking.unsent import left_spools, send_left


def send(runs: list[str], *, uri: str | None, checkpoints: str) -> int:
    """Print a line for each spool that held something; the exit code: 1 if some of it still waits.

    Args:
        runs: ids, or beginnings of ids; none: all.
        uri: of the store; None: each spool's own.
        checkpoints: a folder of runs' checkpoints, looked into beside those that are known.

    Raises:
        BadInput: if a run has no spool.
    """
    store = None if uri is None else resolve_uri(uri)
    spools = left_spools([Path(checkpoints)])
    chosen = [folder for folder in spools if not runs or any(folder.parent.name.startswith(r) for r in runs)]
    for run in runs:
        if not any(folder.parent.name.startswith(run) for folder in chosen):
            raise BadInput(
                f"no run {run!r} has anything left to send here or below {checkpoints}; "
                "--checkpoints names another folder"
            )
    code = sent = 0
    for folder in chosen:
        try:
            count = send_left(folder, store, moved=bool(runs))
        except BadInput as error:
            print(printable(str(error)))
            code = 1
            continue
        if count is None and runs:
            print(f"{folder.parent.name}: its run goes on and sends it itself, or it is another store's")
        elif count:
            print(f"{folder.parent.name}: sent {count} entries")
            sent += count
    if not sent and not code:
        print("nothing was left to send")
    elif sent:
        mark_dead(resolve_uri(uri))
    return code
