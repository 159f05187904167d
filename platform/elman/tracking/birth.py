"""A SQLite database appears whole or not at all, whenever the process that makes it is killed."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

BESIDE = ("-journal", "-wal", "-shm")  # files of SQLite that belong to the one they are named after
NONE, UNLIKE, HALF_MADE = "none", "unlike", "half made"
VERSION = "SELECT version_num FROM alembic_version"


def is_absent(path: Path) -> bool:
    """Whether nothing is there, or an empty file, which some programs leave for a database."""
    return not path.exists() or (path.is_file() and path.stat().st_size == 0)


def make_whole(
    path: Path, make: Callable[[str], Any], *, instead_of: Callable[[Path], bool] | None = None
) -> bool:
    """Have a database made beside `path`, written to the disk and renamed into place, where nothing is there.

    One process at a time: the caller holds a lock. What a killed one has left is replaced.

    Args:
        make: makes its tables at the URL it is given, and closes it.
        instead_of: whether the new database, which it is given, takes the place of the one that is there.

    Returns:
        Whether it was made.
    """
    if instead_of is None and not is_absent(path):
        return False
    place = path.resolve()  # not the link, which stays
    part = place.with_name(f"{place.name}.building")
    _remove(part)
    try:
        make(f"sqlite:///{part.as_posix()}")
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        if not (is_absent(place) or (instead_of is not None and instead_of(part))):
            return False
        for end in BESIDE:  # of a database that was deleted: SQLite would write them into the new one
            Path(f"{place}{end}").unlink(missing_ok=True)
        os.replace(part, place)
        return True
    finally:
        _remove(part)


def existing(path: Path) -> sqlite3.Connection:
    """A connection to a database that is there; it makes none.

    It may write, or what a killed process had half written could not be taken back.
    """
    return sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=20)


def contents(path: Path) -> dict[str, int]:
    """Rows by table; the version of its tables is one of them, by its name."""
    with closing(existing(path)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables}
        found = {name: int(number) for name, number in rows.items()}
        if found.pop("alembic_version", 0):
            found |= {f"version {version}": 0 for (version,) in database.execute(VERSION)}
    return found


def fault_of(path: Path, whole: Path) -> str:
    """What distinguishes a database that does not open from a new one.

    Returns:
        NONE: its tables are the same; UNLIKE: it lacks tables or changes of them; HALF_MADE: it does, and
        holds nothing that a new one has not.
    """
    try:
        ours, new = contents(path), contents(whole)
    except sqlite3.Error:
        return NONE
    if ours.keys() == new.keys():
        return NONE
    return HALF_MADE if all(rows <= new.get(name, 0) for name, rows in ours.items()) else UNLIKE


def moved_aside(path: Path) -> Path:
    """Give a database another name, which nothing has, in the same folder."""
    place = path.resolve()
    names = (place.with_name(f"{place.name}.half-made{number or ''}") for number in count())
    aside = next(name for name in names if not name.exists())
    for end in ("", *BESIDE):
        if Path(f"{place}{end}").exists():
            os.replace(f"{place}{end}", f"{aside}{end}")
    return aside


def _remove(path: Path) -> None:
    for end in ("", *BESIDE):
        Path(f"{path}{end}").unlink(missing_ok=True)
