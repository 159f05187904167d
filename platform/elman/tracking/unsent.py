"""Spools that runs have left: where they are, and sending what is in them."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from datamodules.files import write_whole
from elman.errors import BadInput
from elman.tracking.lock import is_held
from elman.tracking.opening import create_run, run_of_origin
from elman.tracking.retry import is_passing, reason
from elman.tracking.runs import present_run
from elman.tracking.secrets import without_secrets
from elman.tracking.sender import Sender
from elman.tracking.spool import FILE, Spool
from elman.tracking.store import first_line, open_store
from elman.tracking.writer import RunWriter

if TYPE_CHECKING:
    from mlflow import MlflowClient

log = logging.getLogger(__name__)

FOLDER = "spool"
"""Its name, in the folder of a run's checkpoints."""


def connect(spool: Spool, uri: str, client: MlflowClient | None = None, *, fresh: bool = False) -> RunWriter:
    """The writer of a spool's run, which is made in the store where that was away when the run began.

    Args:
        client: of the store; None: opened here.
        fresh: this process has made the run, so that the store holds nothing that it does not know of.

    Raises:
        BadInput: if the store does not answer, or does not have the run.
    """
    client, about = client or open_store(uri), spool.about
    if about.get("run"):
        run = present_run(client, about["run"])
        if run is None:
            raise BadInput(
                f"run {about['run']} is not in {without_secrets(uri)}; put that store back, or delete "
                f"{spool.folder}, which gives up this record"
            )
    else:
        run = run_of_origin(client, about["experiment"], about["origin"])
        if run is None:
            run = create_run(
                client,
                uri,
                experiment=about["experiment"],
                name=about["name"],
                tags=about["tags"],
                started_ms=about["started_ms"],
            )
        spool.note(run=run.id)
    return RunWriter(client, run, resumed=not fresh)


def register(folder: Path) -> None:
    """Remember that there is a spool, so that commands find it from any working folder."""
    with suppress(OSError):
        entry = _entry(folder)
        entry.parent.mkdir(parents=True, exist_ok=True)
        write_whole(entry, str(folder))


def forget(folder: Path) -> None:
    with suppress(OSError):
        _entry(folder).unlink(missing_ok=True)


def left_spools(checkpoints: Iterable[Path] = ()) -> list[Path]:
    """Folders of spools: those this user's runs have left anywhere here, and those below `checkpoints`."""
    found: dict[Path, None] = {}
    for entry in sorted(_registry().glob("*.txt")):
        with suppress(OSError, UnicodeDecodeError):
            folder = Path(entry.read_text(encoding="utf-8"))
            if (folder / FILE).is_file():
                found[folder] = None
            else:  # deleted with its checkpoints
                entry.unlink()
    for folder in checkpoints:
        found |= {place.parent.resolve(): None for place in sorted(folder.glob(f"*/{FOLDER}/{FILE}"))}
    return list(found)


def send_left(folder: Path, uri: str | None, *, moved: bool = False) -> int | None:
    """Send what a spool holds; how many entries that were. None: it is another store's, or its run goes on.

    Args:
        folder: of the spool.
        uri: of the store that is asked for; None: the spool's own, as far as that needs no password.
        moved: that store has taken the place of the spool's own.

    Raises:
        BadInput: if the spool is damaged, or the store does not answer or does not have the run.
    """
    if is_held(folder.parent):
        return None
    try:
        spool = Spool(folder)
    except BadInput as error:
        if is_passing(error):  # another process has just taken it
            return None
        raise
    try:
        own = str(spool.about.get("uri", ""))
        if uri is not None and without_secrets(uri) != own and not moved:
            return None
        count, store = len(spool), uri or own
        if count:
            try:
                Sender(spool, lambda: connect(spool, store), store).send_all()
            except Exception as error:
                run = spool.about.get("run") or spool.about.get("origin")
                why = reason(error) if is_passing(error) else first_line(error)
                raise BadInput(f"{len(spool)} entries of run {run} wait in {folder}: {why}") from error
        over = bool(spool.about.get("finished"))
    finally:
        spool.close()
    forget(folder)
    if over:
        spool.remove()
    return count


def send_all_left(uri: str) -> None:
    """Send what runs have left for a store; what does not succeed is logged, and waits on."""
    for folder in left_spools():
        try:
            if count := send_left(folder, uri):
                log.warning("%s: sent %d entries that had waited for this store", folder.parent.name, count)
        except BadInput as error:
            log.warning("%s", error)


def _registry() -> Path:
    home = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(home).expanduser() / "elman" / "spools"


def _entry(folder: Path) -> Path:
    return _registry() / f"{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}.txt"
