"""Where a study is kept: a journal file beside its results, or a database that other machines reach."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from elman.errors import BadInput
from elman.tracking.birth import make_whole
from elman.tracking.retry import retry
from elman.tracking.secrets import without_secrets
from elman.tracking.store import first_touch, sqlite_path

DATABASES = ("sqlite", "postgresql")  # where a claim can be locked
BUSY_SECONDS = 60.0  # what a writer waits for another one of the same SQLite file


def open_storage(where: str | None, folder: Path) -> Any:
    """Optuna's storage.

    Args:
        where: a database's URL, `sqlite:///studies.db` or `postgresql://user@host/studies`; the path of a
            journal file; None: `journal.log` in the study's folder.
        folder: of the study.

    Raises:
        BadInput: if it cannot be opened.
    """
    if where is None or "://" not in where:
        return _journal(_journal_path(where, folder))
    shown, scheme = without_secrets(where), where.partition("://")[0].partition("+")[0]
    if scheme not in DATABASES:
        raise BadInput(
            f"--storage={shown} has the unknown scheme {scheme!r}; use a path, sqlite:///studies.db or "
            "postgresql://user@host/studies"
        )
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return retry(lambda: _database(where), what=f"opening {shown}", seconds=30.0)
    except ImportError as error:
        raise BadInput(
            f"--storage={shown} needs a database driver: {error}; pip install elman[server]"
        ) from error
    except BadInput:
        raise
    except Exception as error:
        first = (without_secrets(str(error)).strip().splitlines() or [type(error).__name__])[0]
        raise BadInput(f"--storage={shown} cannot be opened: {first}") from error


@contextmanager
def mutex(where: str | None, folder: Path) -> Iterator[None]:
    """One process at a time, of all that share a study; the arguments are those of `open_storage`."""
    if where is None or "://" not in where:
        from filelock import FileLock

        with FileLock(f"{_journal_path(where, folder)}.claims"):
            yield
    else:
        with first_touch(where, option="--storage"):
            yield


class KernelLock:
    """One writer at a time, by `flock` on a file beside the journal; what Optuna asks of a lock.

    Differs: from Optuna's own locks, files whose existence is the lock. A process that is killed while it
    writes, which is when most of them are, leaves those behind, and all others wait for half a minute; the
    kernel takes this one back.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None
        self._threads = threading.Lock()

    def acquire(self) -> bool:
        self._threads.acquire()
        file = None
        try:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:
            if file is not None:
                os.close(file)
            self._threads.release()  # or the next try would wait for ever
            raise
        self._file = file
        return True

    def release(self) -> None:
        assert self._file is not None, "acquire comes first"
        os.close(self._file)  # which unlocks
        self._file = None
        self._threads.release()


def _journal_path(where: str | None, folder: Path) -> Path:
    return Path(where).absolute() if where else folder / "journal.log"


def _journal(path: Path) -> Any:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock: Any = KernelLock(Path(f"{path}.lock"))  # the base class of locks is not public
        _cut_torn_line(path, lock)
        return JournalStorage(JournalFileBackend(str(path), lock_obj=lock))
    except OSError as error:
        raise BadInput(f"--storage={path} cannot be written: {error.strerror}; name another path") from error
    except ValueError as error:  # of a line that is no JSON
        raise BadInput(f"--storage={path} is no journal of a study ({error}); name another path") from error


def _cut_torn_line(journal: Path, lock: KernelLock) -> None:
    """Take off a last line that a killed process has not finished: it was never acted on."""
    lock.acquire()
    try:
        with journal.open("ab+") as file:
            file.seek(0)
            text = file.read()
            file.truncate(text.rfind(b"\n") + 1)
    finally:
        lock.release()


def _database(url: str) -> Any:
    """The first touch makes the tables; of several processes that do so at once all but one would fail."""
    from optuna.storages import RDBStorage

    arguments: dict[str, Any] = {"pool_pre_ping": True}  # a server may have restarted since
    if (place := sqlite_path(url)) is not None:
        arguments["connect_args"] = {"timeout": BUSY_SECONDS}
        place.parent.mkdir(parents=True, exist_ok=True)
    with first_touch(url, option="--storage"):
        if place is not None:
            make_whole(place, lambda building: RDBStorage(building).engine.dispose())
        return RDBStorage(url, engine_kwargs=arguments)
