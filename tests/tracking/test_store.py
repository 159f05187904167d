"""Where the store is, and what a user reads when it cannot be opened."""

import socket
import time

import pytest

from elman.errors import BadInput
from elman.tracking.store import artifact_folder, open_store, resolve_uri


def test_the_setting_then_the_environment_then_this_folder(folder, monkeypatch):
    assert resolve_uri(None) == f"sqlite:///{folder}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000/")
    assert resolve_uri(None) == "http://127.0.0.1:5000"
    assert resolve_uri("sqlite:///a.db") == f"sqlite:///{folder}/a.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    assert resolve_uri(None) == f"sqlite:///{folder}/mlflow.db"
    assert artifact_folder(resolve_uri(None)) == folder / "mlruns"
    assert artifact_folder("http://127.0.0.1:5000") is None


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("file:./mlruns", "use sqlite:///path/to/mlflow.db"),
        ("mlruns", "is a folder"),
        ("/data/mlruns", "is a folder"),
        ("sqlite://mlflow.db", "is not a SQLite file"),
        ("sqlite:mlflow.db", "is not a SQLite file"),
        ("sqlite:///:memory:", "is not a SQLite file"),
        ("ftp://host", "unknown scheme 'ftp'"),
        ("http://", "names no host"),
        ("http://host:port", "names no host and port"),
        ("postgresql:///database", "names no host"),
    ],
)
def test_malformed_uris(uri, message):
    with pytest.raises(BadInput, match=message):
        resolve_uri(uri)


def test_a_store_that_cannot_be_written(folder):
    (folder / "file").write_text("not a folder")
    with pytest.raises(BadInput, match="cannot be written"):
        open_store(f"sqlite:///{folder}/file/mlflow.db")
    (folder / "other.db").write_text("this is no database, it is a text of some length" * 100)
    with pytest.raises(BadInput, match="file is not a database"):
        open_store(f"sqlite:///{folder}/other.db")
    (folder / "taken.db").mkdir()
    with pytest.raises(BadInput, match="cannot be written"):
        open_store(f"sqlite:///{folder}/taken.db")


def test_a_database_of_another_program(folder):
    import sqlite3

    with sqlite3.connect(folder / "old.db") as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        database.execute("INSERT INTO alembic_version VALUES ('0000')")
    with pytest.raises(BadInput, match="MLflow cannot open"):
        open_store(f"sqlite:///{folder}/old.db")


def test_a_server_that_is_not_there():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        port = taken.getsockname()[1]
        start = time.monotonic()
        for scheme in ("http", "postgresql"):
            with pytest.raises(BadInput, match=r"no tracking server answers at '.*me:\*\*\*@"):
                open_store(f"{scheme}://me:secret@127.0.0.1:{port}")
        assert time.monotonic() - start < 5
