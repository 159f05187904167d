"""What a run has recorded and its store has not taken yet: on disk, in order, until it has arrived."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
import uuid
import zlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from elman.errors import BadInput

FILE = "entries.db"
TABLES = """
CREATE TABLE IF NOT EXISTS entries (number INTEGER PRIMARY KEY, kind TEXT, body TEXT, checksum INTEGER);
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT);
"""
HELD_ENTRIES = 100_000
"""The most that memory keeps while the disk takes none: days of a run that records once a second."""


class Entry(NamedTuple):
    """One thing that a run recorded.

    Args:
        number: rising with time.
        kind: what it is: a method of the writer of runs.
        body: its arguments, as JSON has them.
    """

    number: int
    kind: str
    body: dict[str, Any]


class Spool:
    """The entries of one run between the run and its store, first in, first out.

    What was appended is on the disk when `append` returns, so that it survives a kill and the machine. Where
    the disk takes nothing, entries are held in memory until it does. A damaged entry is left out and counted.
    All methods may be called from any thread. One process at a time has a spool open: the database is locked.

    Args:
        folder: of the spool, made when missing; None: in memory alone, for what may be lost with its process.

    Raises:
        BadInput: if the folder cannot be written, or another process has it open.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._lock = threading.RLock()
        self._held: deque[Entry] = deque()
        self._done = 0  # the number of the last entry that has arrived
        self.damaged = self.dropped = 0
        self.failure = ""
        """Why the disk took nothing the last time; "": it did."""
        try:
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(
                ":memory:" if folder is None else folder / FILE,
                timeout=1.0,
                isolation_level=None,
                check_same_thread=False,
            )
            # Exclusive, the log needs no shared memory, which folders on a network do not have.
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.executescript(TABLES)
            (last,) = self._database.execute("SELECT coalesce(max(number), 0) FROM entries").fetchone()
        except (OSError, sqlite3.Error) as error:
            raise BadInput(
                f"{folder}: records for the tracking store cannot be kept there ({error}); name another "
                "folder with trainer.checkpoints, end the process that has it open, or move a broken one away"
            ) from error
        self._last = max(int(last), int(self.about.get("last", 0)))

    # Filling.

    def append(self, kind: str, body: Mapping[str, Any], about: Mapping[str, Any] | None = None) -> None:
        """Add an entry, and set what is known of the run, both or neither. A full disk raises nothing."""
        with self._lock:
            self._last += 1
            self._held.append(Entry(self._last, kind, dict(body)))
            try:
                with self._transaction() as database:
                    rows = [
                        (e.number, e.kind, text := json.dumps(e.body), _sum(e.kind, text)) for e in self._held
                    ]
                    database.executemany("INSERT INTO entries VALUES (?, ?, ?, ?)", rows)
                    _set(database, {**(about or {}), "last": self._last})
                self._held.clear()
                self.failure = ""
            except sqlite3.Error as error:
                self.failure = str(error)
                while len(self._held) > HELD_ENTRIES:
                    self._held.popleft()
                    self.dropped += 1

    @contextmanager
    def files(self) -> Iterator[tuple[Path, str]]:
        """A fresh folder for files that an entry names, and its name; gone again where an error leaves this.

        Raises:
            OSError: if the disk takes no folder.
        """
        assert self.folder is not None, "a spool in memory keeps no files"
        name = uuid.uuid4().hex
        place = self.folder / name
        place.mkdir()
        try:
            yield place, name
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise

    @property
    def about(self) -> dict[str, Any]:
        """What is known of the run, by name."""
        with self._lock:
            rows = self._database.execute("SELECT name, value FROM about").fetchall()
        return {name: json.loads(value) for name, value in rows}

    def note(self, **about: Any) -> None:
        """Set some of what is known of the run; a full disk raises nothing."""
        with self._lock, suppress(sqlite3.Error), self._transaction() as database:
            _set(database, about)

    # Emptying.

    def first(self, count: int) -> list[Entry]:
        """The oldest entries that have not arrived, at most `count`."""
        with self._lock:
            asked = (
                "SELECT number, kind, body, checksum FROM entries WHERE number > ? ORDER BY number LIMIT ?"
            )
            rows = self._database.execute(asked, (self._done, count)).fetchall()
            found = [
                Entry(n, kind, json.loads(body))
                for n, kind, body, checksum in rows
                if _sum(kind, body) == checksum
            ]
            if damaged := [row[0] for row in rows if _sum(row[1], row[2]) != row[3]]:
                self.damaged += len(damaged)
                with suppress(sqlite3.Error), self._transaction() as database:
                    database.executemany("DELETE FROM entries WHERE number = ?", [(n,) for n in damaged])
                if not found:
                    return self.first(count)
            held = [entry for entry in self._held if entry.number > self._done]
            return [*found, *held[: count - len(found)]]

    def arrived(self, entries: Sequence[Entry]) -> None:
        """Let go of entries that `first` gave, all of them up to the last."""
        with self._lock:
            self._done = entries[-1].number
            while self._held and self._held[0].number <= self._done:
                self._held.popleft()
            # Should this fail, they are sent again one day: the same points, which the store has once.
            with suppress(sqlite3.Error), self._transaction() as database:
                database.execute("DELETE FROM entries WHERE number <= ?", (self._done,))
        for entry in entries:
            if self.folder is not None and (name := entry.body.get("files")):
                shutil.rmtree(self.folder / name, ignore_errors=True)

    def __len__(self) -> int:
        """Entries that have not arrived."""
        with self._lock:
            asked = "SELECT count(*) FROM entries WHERE number > ?"
            (stored,) = self._database.execute(asked, (self._done,)).fetchone()
            return int(stored) + sum(entry.number > self._done for entry in self._held)

    # Ending.

    def close(self) -> None:
        """Let go of the files; nothing may be called after it."""
        with self._lock, suppress(sqlite3.Error):
            self._database.close()

    def remove(self) -> None:
        """Close it and delete its folder: all has arrived."""
        self.close()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield self._database
            self._database.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._database.execute("ROLLBACK")
            raise


def _set(database: sqlite3.Connection, about: Mapping[str, Any]) -> None:
    rows = [(name, json.dumps(value)) for name, value in about.items()]
    database.executemany("INSERT OR REPLACE INTO about VALUES (?, ?)", rows)


def _sum(kind: str, body: str) -> int:
    return zlib.crc32(f"{kind} {body}".encode())
