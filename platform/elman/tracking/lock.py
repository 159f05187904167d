"""The lock by which a living process holds a run, whatever clocks and stores say of it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from elman.tracking.process import identity

NAME = "run.lock"
PROBE_SECONDS = 1.0  # `is_held` takes the lock for a moment, too
PAUSE_SECONDS = 0.02

_held: dict[Path, int] = {}  # by the run's folder, the file that is locked


def hold(folder: Path) -> bool:
    """Hold the run whose checkpoints are in `folder`, until `release` or the end of this process.

    The kernel lets go of it, however the process ends. Forked children let go of their copy, so that a data
    worker that outlives this process does not hold the run. Where the file system knows no locks the run is
    held without one, and `is_held` cannot tell.

    Returns:
        Whether this process holds it now; if not, another one does.

    Raises:
        OSError: if nothing can be written in the folder.
    """
    folder = folder.resolve()
    if folder in _held:
        return True
    file, end = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o666), time.monotonic() + PROBE_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                os.close(file)
                return False
            time.sleep(PAUSE_SECONDS)
            continue
        except OSError:  # no locks here
            pass
        break
    _held[folder] = file
    with suppress(OSError):  # for those who are refused; a full disk does not matter
        os.ftruncate(file, 0)
        os.write(file, identity().encode())
    return True


def is_held(folder: Path) -> bool | None:
    """Whether a living process, this one included, holds the run of `folder`.

    None: it cannot be told, since the folder is out of reach, or nobody has ever held the run.
    """
    try:
        file = os.open(folder / NAME, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(file)
    return False


def holder(folder: Path) -> str:
    """The `identity` of the process that holds the run of `folder`, or held it last."""
    try:
        return (folder / NAME).read_text(encoding="utf-8", errors="replace") or "another process"
    except OSError:
        return "another process"


def release(folder: Path) -> None:
    """Let other processes have the run; the second call does nothing."""
    file = _held.pop(folder.resolve(), None)
    if file is not None:
        os.close(file)


@contextmanager
def releasing() -> Iterator[None]:
    """Release at the end what was held in here: the process may live on, as a notebook does."""
    before = set(_held)
    try:
        yield
    finally:
        for folder in set(_held) - before:
            release(folder)


def _let_go() -> None:
    for folder in list(_held):
        release(folder)


os.register_at_fork(after_in_child=_let_go)
