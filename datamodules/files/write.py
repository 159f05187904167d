"""Files and folders written whole or not at all, by one process at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_folder(name: str = "") -> Path:
    """`$XDG_CACHE_HOME/elman/NAME`, or `~/.cache/elman/NAME`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "elman" / name


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold `path` against other processes; the system releases it when this one dies.

    Its folder is made when missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def atomic_write(path: Path, *, sync: bool = False) -> Iterator[Path]:
    """Where to write the file or folder that becomes `path` when the block ends, and is gone if it raises.

    It lies beside `path`, whose folder is made when missing. What a killed process has left there is
    replaced. Processes that may write the same path at the same time need a `lock`.

    Args:
        sync: wait until the disk has all of it; for files that a dying machine may not cut short.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    _remove(part)
    try:
        yield part
        if sync:
            with part.open("rb+") as file:
                os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        _remove(part)
        raise


def make_once(path: Path, make: Callable[[Path], None]) -> None:
    """Make the file or folder `path`, unless it is there; one process makes it while others wait.

    Args:
        make: writes it at the path it is given, as `atomic_write` has it.
    """
    if path.exists():
        return
    with lock(path.with_name(f".{path.name}.lock")):
        if not path.exists():
            with atomic_write(path) as part:
                make(part)


def write_whole(path: Path, text: str) -> None:
    """Write a text file by `atomic_write`."""
    with atomic_write(path) as part:
        part.write_text(text, encoding="utf-8")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
