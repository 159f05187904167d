"""Where a study is kept: a journal file beside its results, or a database that other machines reach."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from elman.errors import BadInput
from elman.tracking.retry import retry
from elman.tracking.store import first_touch, sqlite_path, without_password

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
    scheme = (where or "").partition("://")[0].partition("+")[0] if "://" in (where or "") else ""
    if where is None or not scheme:
        return _journal(Path(where).absolute() if where else folder / "journal.log")
    shown = without_password(where)
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
    except Exception as error:
        first = (without_password(str(error)).strip().splitlines() or [type(error).__name__])[0]
        raise BadInput(f"--storage={shown} cannot be opened: {first}") from error


def _journal(path: Path) -> Any:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    from elman.search.study.journal_lock import KernelLock, cut_torn_line

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock: Any = KernelLock(Path(f"{path}.lock"))  # the base class of locks is not public
        with path.open("ab"):
            pass
        cut_torn_line(path, lock)
        return JournalStorage(JournalFileBackend(str(path), lock_obj=lock))
    except OSError as error:
        raise BadInput(f"--storage={path} cannot be written: {error.strerror}; name another path") from error
    except ValueError as error:  # of a line that is no JSON
        raise BadInput(f"--storage={path} is no journal of a study ({error}); name another path") from error


def _database(url: str) -> Any:
    """The first touch makes the tables; of several processes that do so at once all but one would fail."""
    from optuna.storages import RDBStorage

    arguments: dict[str, Any] = {"pool_pre_ping": True}  # a server may have restarted since
    if place := sqlite_path(url):
        arguments["connect_args"] = {"timeout": BUSY_SECONDS}
        place.parent.mkdir(parents=True, exist_ok=True)
    with first_touch(url):
        return RDBStorage(url, engine_kwargs=arguments)


@contextmanager
def alone(where: str | None, folder: Path) -> Iterator[None]:
    """One process at a time, of all that share a study; the arguments are those of `open_storage`."""
    if where is None or "://" not in where:
        from filelock import FileLock

        with FileLock(f"{Path(where).absolute() if where else folder / 'journal.log'}.claims"):
            yield
    else:
        with first_touch(where):
            yield
