"""Opening an MLflow store: where it is, whether it can be written, one process at a time."""

from __future__ import annotations

import logging
import os
import re
import socket
import sqlite3
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from elman.errors import BadInput

if TYPE_CHECKING:
    from mlflow import MlflowClient

REACH_SECONDS = 5.0
FIRST_TOUCH_SECONDS = 120.0
DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
NOISY = {
    "alembic": logging.WARNING,
    "mlflow.store.db.utils": logging.CRITICAL,  # prints a traceback for each retried error; we report once
    "mlflow.system_metrics.system_metrics_monitor": logging.WARNING,
    "mlflow.system_metrics.metrics.gpu_monitor": logging.ERROR,
}


def resolve_uri(configured: str | None) -> str:
    """The store to use: the given URI, else MLFLOW_TRACKING_URI as it is now, else ./mlflow.db.

    A SQLite path comes back absolute, so that a later change of folder does not move the store.

    Raises:
        BadInput: if the URI has no form that MLflow accepts.
    """
    uri = configured or os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
    shown, parts = without_password(uri), urlsplit(uri)
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

    MLflow migrates a fresh SQLite file on first touch, and of several processes that do so at once
    all but one crash. So the first touch of each process holds a lock beside the file.

    Raises:
        BadInput: if the store cannot be reached, read or written.
    """
    _check_reachable(uri)
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    quiet()
    shown = without_password(uri)
    path = sqlite_path(uri)
    try:
        if path is None:
            return MlflowClient(uri)
        from filelock import FileLock, Timeout

        try:
            with FileLock(f"{path}.lock", timeout=FIRST_TOUCH_SECONDS):
                return MlflowClient(uri)
        except Timeout:
            raise BadInput(
                f"{path}.lock has been held for {FIRST_TOUCH_SECONDS:.0f} s by another process; "
                "end it, or choose another tracking_uri"
            ) from None
    except ImportError as error:
        raise BadInput(
            f"tracking_uri {shown!r} needs a database driver: {error}; pip install elman[server]"
        ) from error
    except BadInput:
        raise
    except (MlflowException, Exception) as error:
        first = without_password(str(error)).strip().splitlines()[:1] or [type(error).__name__]
        raise BadInput(f"MLflow cannot open tracking_uri {shown!r}: {first[0]}") from error


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


def without_password(text: str) -> str:
    """The text with the password of every `scheme://user:password@host` hidden."""
    if "://" not in text:
        return text
    return re.sub(r"(://[^\s:/@'\"]*):[^\s/'\"]*@", r"\1:***@", text)


def quiet() -> None:
    """Let MLflow and its migrations speak only of what a user must act on."""
    for name, level in NOISY.items():
        logging.getLogger(name).setLevel(level)


def _check_reachable(uri: str) -> None:
    """Fail within seconds where MLflow itself would retry for minutes."""
    parts, shown = urlsplit(uri), without_password(uri)
    scheme = parts.scheme.split("+")[0]
    if scheme == "sqlite":
        _check_writable(sqlite_path(uri))
        return
    try:
        if scheme in ("http", "https"):
            urllib.request.urlopen(f"{uri}/health", timeout=REACH_SECONDS).close()
        elif scheme in DATABASE_PORTS and parts.hostname:
            address = (parts.hostname, parts.port or DATABASE_PORTS[scheme])
            socket.create_connection(address, timeout=REACH_SECONDS).close()
    except urllib.error.HTTPError as error:
        error.close()  # any answer means that a server is there
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise BadInput(
            f"no tracking server answers at {shown!r} ({reason}); start it, or use sqlite:///mlflow.db"
        ) from error


def _check_writable(path: Path | None) -> None:
    assert path is not None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, timeout=20)) as database:
            database.execute("BEGIN IMMEDIATE")  # takes the write lock, writes nothing
            database.rollback()
    except (OSError, sqlite3.Error) as error:
        raise BadInput(
            f"the tracking store {str(path)!r} cannot be written ({error}); "
            "choose another with tracking_uri or MLFLOW_TRACKING_URI"
        ) from error
