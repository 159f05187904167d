"""A store that is killed while it is made is made anew; nothing that holds a run is ever replaced."""

import os
import signal
import sqlite3
from contextlib import closing

import mlflow
import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

from elman.errors import BadInput
from elman.search.study.storage import open_storage
from elman.tracking.store import open_store


def killed_after(statements, call):
    """Make a call in a process that dies in the middle of making its tables."""
    child = os.fork()
    if not child:
        left = iter(range(statements))

        @event.listens_for(Engine, "before_cursor_execute")
        def count(*_):
            if next(left, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)

        call()
        os._exit(0)
    return os.waitpid(child, 0)[1]


@pytest.fixture
def empty(tmp_path):
    """A folder without a store."""
    path = tmp_path / "empty"
    path.mkdir()
    return path


@pytest.fixture
def half_made(empty):
    """A store as the first command of a folder left it, killed while MLflow made its tables in place."""
    path = empty / "mlflow.db"
    assert killed_after(230, lambda: mlflow.MlflowClient(f"sqlite:///{path}")) == signal.SIGKILL
    with pytest.raises(OperationalError, match="already exists"):
        mlflow.MlflowClient(f"sqlite:////{path}")  # another spelling, since MLflow keeps what it has opened
    return path


def test_killed_at_birth(empty):
    path = empty / "mlflow.db"
    for statements in (0, 40, 230):
        assert killed_after(statements, lambda: open_store(f"sqlite:///{path}")) == signal.SIGKILL
        assert not path.exists()
    client = open_store(f"sqlite:///{path}")
    client.create_run("0")
    left = {file.name for file in empty.iterdir()}
    assert left == {"mlflow.db", "mlflow.db.lock"}


def test_a_half_made_store_is_moved_aside(half_made, empty, caplog):
    client = open_store(f"sqlite:///{half_made}")
    client.create_run("0")
    aside = empty / "mlflow.db.half-made"
    assert aside.is_file()
    assert [record.getMessage() for record in caplog.records if record.name.startswith("elman")] == [
        f"{half_made} was half made, without a run: it is now {aside}; a new one is made"
    ]


def test_a_store_that_holds_a_run_stays(fresh_store, empty):
    path = empty / "mlflow.db"
    path.write_bytes(fresh_store.read_bytes())
    mlflow.MlflowClient(f"sqlite:////{path}").create_run("0")
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE alembic_version SET version_num = '0000'")
        database.commit()
    before = path.read_bytes()
    with pytest.raises(BadInput, match=f"copy the file, then `mlflow db upgrade sqlite:///{path}`"):
        open_store(f"sqlite:///{path}")
    assert path.read_bytes() == before
    assert not list(empty.glob("*half*"))


def test_an_empty_file_and_what_a_deleted_store_left(fresh_store, empty):
    path, link = empty / "elsewhere" / "mlflow.db", empty / "mlflow.db"
    path.parent.mkdir()
    path.touch()
    path.with_name("mlflow.db-journal").write_bytes(b"not of the new one")
    link.symlink_to(path)
    open_store(f"sqlite:///{link}").create_run("0")
    assert link.is_symlink()
    assert path.stat().st_size == fresh_store.stat().st_size
    assert not path.with_name("mlflow.db-journal").exists()


def test_a_study_killed_at_birth(empty):
    url = f"sqlite:///{empty}/studies.db"
    assert killed_after(12, lambda: open_storage(url, empty)) == signal.SIGKILL
    assert not (empty / "studies.db").exists()
    assert open_storage(url, empty).get_all_studies() == []
