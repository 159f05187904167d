"""The lock of a study's journal, which the kernel takes back from a process that is killed."""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path


class KernelLock:
    """One writer at a time, by `flock` on a file beside the journal; what Optuna asks of a lock.

    Differs: from Optuna's own locks, files whose existence is the lock. A process that is killed while it
    writes, which is when most of them are, leaves those behind, and all others wait for half a minute.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None
        self._mine = threading.Lock()

    def acquire(self) -> bool:
        self._mine.acquire()
        file = None
        try:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:
            if file is not None:
                os.close(file)
            self._mine.release()  # or whoever tries again would wait for ever
            raise
        self._file = file
        return True

    def release(self) -> None:
        assert self._file is not None, "acquire comes first"
        os.close(self._file)  # which unlocks
        self._file = None
        self._mine.release()


def cut_torn_line(journal: Path, lock: KernelLock) -> None:
    """Take off a last line that a killed process has not finished: what it said was never acted on."""
    lock.acquire()
    try:
        with journal.open("rb+") as file:
            end = file.seek(0, os.SEEK_END)
            kept = end
            while kept:
                file.seek(kept - 1)
                if file.read(1) == b"\n":
                    break
                kept -= 1
            if kept < end:
                file.truncate(kept)
    finally:
        lock.release()
