"""Opening an MLflow store: where it is, whether it can be written, one process at a time."""

from __future__ import annotations

import logging
import os
import re
import socket
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from elman.errors import BadInput
from elman.tracking.birth import (
    HALF_MADE,
    NONE,
    UNLIKE,
    contents,
    fault_of,
    is_absent,
    make_whole,
    moved_aside,
)
from elman.tracking.secrets import without_secrets

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from sqlalchemy import Connection

log = logging.getLogger(__name__)

REACH_SECONDS = 5.0
FIRST_TOUCH_SECONDS = 120.0
SERVERS = {
    "tracking_uri": ("tracking server", "sqlite:///mlflow.db"),
    "--storage": ("database", "a file: leave --storage out"),
}
"""What an option names, and what does without one."""
FIRST_TOUCH_KEY = 0x656C6D616E  # of a lock in PostgreSQL: "elman" in ASCII
DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
# Words of a database that will answer soon.
PASSING = ("starting up", "shutting down", "recovery", "too many")
OF_A_CLIENT = {
    # It would go to the artifact store itself where the server has one, by an address that the server signs
    # and often only the server can reach.
    "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "false",
    "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "false",
    # It would try for minutes inside each call. A run's record waits in a spool, and a command says what is
    # wrong.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}
"""How MLflow's client of a server behaves here, unless the user has set it."""
NOISY = {
    "alembic": logging.WARNING,
    "mlflow.store.db.utils": logging.CRITICAL,  # prints a traceback for each retried error; we report once
    "urllib3.connectionpool": logging.ERROR,
    "mlflow.system_metrics.metrics.gpu_monitor": logging.ERROR,
}


def resolve_uri(configured: str | None) -> str:
    """The store to use: the given URI, else MLFLOW_TRACKING_URI as it is now, else ./mlflow.db.

    A SQLite path comes back absolute, so that a later change of folder does not move the store.

    Raises:
        BadInput: if the URI has no form that MLflow accepts.
    """
    uri = configured or os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
    shown, parts = without_secrets(uri), urlsplit(uri)
    scheme = parts.scheme.split("+")[0]
    if uri.startswith("databricks"):
        return uri
    if scheme in ("", "file") or (os.name == "nt" and len(scheme) == 1):
        raise BadInput(
            f"tracking_uri {shown!r} is a folder, which current MLflow refuses as a store; "
            "use sqlite:///path/to/mlflow.db"
        )
    if scheme == "sqlite":
        path = sqlite_path(uri)
        if parts.netloc or path is None:
            raise BadInput(
                f"tracking_uri {shown!r} is not a SQLite file: write sqlite:///mlflow.db for this folder "
                "or sqlite:////absolute/path/mlflow.db"
            )
        query = f"?{parts.query}" if parts.query else ""
        return f"{parts.scheme}:///{path.as_posix()}{query}"
    if scheme not in ("http", "https", *DATABASE_PORTS):
        raise BadInput(
            f"tracking_uri {shown!r} has the unknown scheme {scheme!r}; "
            "use sqlite:///mlflow.db, http(s)://host:port or postgresql://user@host/database"
        )
    try:
        missing = not parts.hostname or parts.port == 0
    except ValueError:  # a port that is no number
        missing = True
    if missing:
        raise BadInput(f"tracking_uri {shown!r} names no host and port; write {scheme}://host:port")
    return uri.rstrip("/")


def open_store(uri: str) -> MlflowClient:
    """A client of the store at `uri` (from `resolve_uri`), which exists and answers when this returns.

    Raises:
        BadInput: if the store cannot be reached, read or written, or refuses the user.
    """
    _check_reachable(uri)
    from mlflow import MlflowClient

    quiet()
    shown = without_secrets(uri)
    try:
        if uri.startswith("http"):
            for name, value in OF_A_CLIENT.items():
                os.environ.setdefault(name, value)
            _check_admitted(uri)
        with first_touch(uri):
            path = sqlite_path(uri)
            return MlflowClient(uri) if path is None else _open_file(uri, path)
    except ImportError as error:
        raise BadInput(
            f"tracking_uri {shown!r} needs a database driver: {error}; pip install elman[server]"
        ) from error
    except BadInput:
        raise
    except Exception as error:
        raise BadInput(f"MLflow cannot open tracking_uri {shown!r}: {first_line(error)}") from error


def _open_file(uri: str, path: Path) -> MlflowClient:
    """A client of a SQLite store, made where there is none; one half made, with no run in it, is replaced."""
    from mlflow import MlflowClient

    def make(url: str) -> None:
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        SqlAlchemyStore(url, (path.parent / "mlruns").as_uri()).engine.dispose()

    new = make_whole(path, make)
    known = new or "experiments" in contents(path)
    try:
        return MlflowClient(uri)
    except Exception as error:
        if new or not known:  # it may be another program's
            raise
        fault, why = NONE, first_line(error).partition(". ")[0]

        def replaces(whole: Path) -> bool:
            nonlocal fault
            fault = fault_of(path, whole)
            if fault == HALF_MADE:
                aside = moved_aside(path)
                log.warning("%s was half made, without a run: it is now %s; a new one is made", path, aside)
            return fault == HALF_MADE

        if make_whole(path, make, instead_of=replaces):
            _forget(uri)
            return MlflowClient(uri)
        if fault == UNLIKE:
            raise BadInput(
                f"the tracking store {str(path)!r} does not open with this MLflow ({why}); copy the file, "
                f"then `mlflow db upgrade {without_secrets(uri)}`, or take a backup or another tracking_uri"
            ) from error
        raise


def _forget(uri: str) -> None:
    """MLflow keeps an open connection, to the file that was there."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    engine = getattr(SqlAlchemyStore, "_engine_map", {}).pop(uri, None)
    if engine is not None:
        engine.dispose()


@contextmanager
def first_touch(uri: str, *, option: str = "tracking_uri") -> Iterator[None]:
    """One process at a time, so that one makes the tables of a fresh database.

    Of several that make them at once all but one crash. The lock of SQLite lies beside the file, that of
    PostgreSQL in the database, where processes on other machines see it.

    Args:
        option: by which the user has named the database, a key of `SERVERS`.

    Raises:
        BadInput: if the database refuses the user, or the lock is not free in time.
    """
    path = sqlite_path(uri)
    if path is not None:
        from filelock import FileLock, Timeout

        try:
            with FileLock(f"{path}.lock", timeout=FIRST_TOUCH_SECONDS):
                yield
        except Timeout:
            raise BadInput(
                f"{path}.lock has been held for {FIRST_TOUCH_SECONDS:.0f} s by another process; "
                f"end it, or choose another {option}"
            ) from None
    elif urlsplit(uri).scheme.split("+")[0] in DATABASE_PORTS:
        with closing(_connect(uri, option)) as database:
            if uri.startswith("postgresql"):
                from sqlalchemy import text

                database.execute(text("SELECT pg_advisory_lock(:key)"), {"key": FIRST_TOUCH_KEY})
            yield
    else:
        yield


def sqlite_path(uri: str) -> Path | None:
    """The absolute path of a SQLite store; None for any other store."""
    match = re.fullmatch(r"sqlite(?:\+\w+)?:///([^?]+)(?:\?.*)?", uri)
    if match is None or match[1] == ":memory:":
        return None
    return Path(match[1]).expanduser().absolute()


def artifact_folder(uri: str) -> Path | None:
    """Where the artifacts of a SQLite store lie: `mlruns` beside the file, as plain `mlflow ui` expects."""
    path = sqlite_path(uri)
    return None if path is None else path.parent / "mlruns"


def first_line(error: BaseException) -> str:
    """The first line of an error's message, without passwords."""
    return without_secrets((str(error).strip().splitlines() or [type(error).__name__])[0])


def quiet() -> None:
    """Let MLflow and its migrations print only what a user must act on, and no address with a password."""
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    for name, level in NOISY.items():
        logging.getLogger(name).setLevel(level)


def _check_reachable(uri: str) -> None:
    """Fail within seconds where MLflow itself would retry for minutes."""
    parts = urlsplit(uri)
    scheme = parts.scheme.split("+")[0]
    if path := sqlite_path(uri):
        _check_writable(path)
    try:
        if scheme in ("http", "https"):
            plain = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
            urllib.request.urlopen(f"{plain}/health", timeout=REACH_SECONDS).close()
        elif scheme in DATABASE_PORTS and parts.hostname:
            address = (parts.hostname, parts.port or DATABASE_PORTS[scheme])
            socket.create_connection(address, timeout=REACH_SECONDS).close()
    except urllib.error.HTTPError as error:
        error.close()  # any answer means that a server is there
    except (OSError, ValueError) as error:
        raise _unreachable(uri, str(getattr(error, "reason", error))) from error


def _check_admitted(uri: str) -> None:
    """Ask the server a small question as this user: a refusal would else come in the middle of a run."""
    from mlflow.exceptions import MlflowException
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    shown = without_secrets(uri)
    try:
        answer = http_request(
            get_default_host_creds(uri),
            "/api/2.0/mlflow/experiments/search",
            "GET",
            params={"max_results": 1},
            timeout=REACH_SECONDS,
            max_retries=0,
            raise_on_status=False,
        )
    except MlflowException:  # it is busy, or its database is unreachable: the client will try again
        return
    if answer.status_code == 401:
        raise BadInput(
            f"{shown!r} does not know this user and password; set MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD"
        )
    if answer.status_code in (403, 404):
        first = " ".join(answer.text.split())[:200]
        raise BadInput(f"{shown!r} refuses us or is no MLflow server, answer {answer.status_code}: {first}")


def _connect(uri: str, option: str) -> Connection:
    """A connection of our own; MLflow would try a wrong password ten times, for minutes."""
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import NullPool

    try:
        return create_engine(uri, poolclass=NullPool).connect()
    except DBAPIError as error:
        first = first_line(error.orig or error)
        if any(word in first for word in PASSING):
            raise _unreachable(uri, first, option) from error
        raise BadInput(f"{option} {without_secrets(uri)!r} does not let us in: {first}") from error


def _unreachable(uri: str, why: str, option: str = "tracking_uri") -> BadInput:
    server, other = SERVERS[option]
    shown = without_secrets(uri)
    return BadInput(f"{option}: no {server} answers at {shown!r} ({why}); start it, or use {other}")


def _check_writable(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if is_absent(path):  # it is made whole, so not here
            if not os.access(path.parent, os.W_OK):
                raise PermissionError(f"nothing can be written in {path.parent}")
            return
        with closing(sqlite3.connect(path, timeout=20)) as database:
            database.execute("BEGIN IMMEDIATE")  # takes the write lock, writes nothing
            database.rollback()
    except (OSError, sqlite3.Error) as error:
        raise BadInput(
            f"the tracking store {str(path)!r} cannot be written ({error}); "
            "choose another with tracking_uri or MLFLOW_TRACKING_URI"
        ) from error
