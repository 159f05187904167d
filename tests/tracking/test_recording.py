"""A run's record, where the run is cut off or its store is taken away under it."""

import shutil
import sqlite3

import pytest

from elman.errors import BadInput
from elman.tracking import recording
from elman.tracking.find import mark_stale
from elman.tracking.logger import RunLogger
from elman.tracking.store_file import let_go
from elman.tracking.unsent import send_left


def test_a_run_that_is_stopped_while_it_begins_has_ended(client, monkeypatch):
    """A signal between the run's creation and its first record: it does not begin anew, and has ended."""

    def stop(*_, **__):
        raise KeyboardInterrupt

    logger = RunLogger(run_name="cut off", system_metrics=False)
    with monkeypatch.context() as patched:
        patched.setattr(recording, "MetricBuffer", stop)
        with pytest.raises(KeyboardInterrupt):
            logger.start()
    assert not logger.has_begun
    logger.close()
    logger.start()
    (run,) = client.search_runs([e.experiment_id for e in client.search_experiments()])
    assert run.info.status == "RUNNING"  # its end waits in the spool ...
    mark_stale(logger.tracking_uri)
    assert client.get_run(run.info.run_id).info.status == "KILLED"  # ... for whoever opens the store next


def test_a_store_that_is_moved_away_and_put_back(client, folder):
    """SQLite would write on into a file that has no name."""
    logger = RunLogger(flush_seconds=0.05, system_metrics=False)
    logger.log_metrics({"a": 1.0}, step=1)
    assert logger.deliver()
    (folder / "mlflow.db").rename(folder / "away.db")
    logger.log_metrics({"a": 2.0}, step=2)
    assert not logger.deliver(0.5)
    (folder / "away.db").rename(folder / "mlflow.db")
    assert logger.deliver()
    shutil.copy(folder / "mlflow.db", folder / "copy.db")  # another file in its place
    (folder / "copy.db").replace(folder / "mlflow.db")
    logger.log_metrics({"a": 3.0}, step=3)
    assert logger.deliver()
    logger.close()
    with sqlite3.connect(folder / "mlflow.db") as database:
        asked = "SELECT step FROM metrics WHERE run_uuid = ? ORDER BY step"
        assert database.execute(asked, [logger.run_id]).fetchall() == [(1,), (2,), (3,)]
        (status,) = database.execute("SELECT status FROM runs").fetchone()
    assert status == "FINISHED"


def test_a_damaged_spool_is_named_and_one_in_use_is_left_alone(folder):
    logger = RunLogger(system_metrics=False)
    logger.start()
    place = folder / "checkpoints" / logger.run_id / "spool"
    assert send_left(place, None) is None
    logger.close("KILLED")
    (place / "entries.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(BadInput, match=r"spool: .*not a database.* move a broken one away"):
        send_left(place, None)


def test_what_waits_for_a_store_that_was_deleted_for_good(client, folder, fresh_store, monkeypatch):
    monkeypatch.setattr(recording, "PATIENCE_SECONDS", 0.1)
    logger = RunLogger(flush_seconds=0.05, system_metrics=False)
    logger.log_metrics({"a": 1.0}, step=1)
    assert logger.deliver()
    (folder / "mlflow.db").unlink()
    logger.log_metrics({"a": 2.0}, step=2)
    logger.close()
    shutil.copy(fresh_store, folder / "mlflow.db")  # another command has made one
    let_go(client)  # as that command is another process
    place = folder / "checkpoints" / logger.run_id / "spool"
    with pytest.raises(BadInput, match=rf"is not in sqlite.*; put that store back, or delete {place}"):
        send_left(place, None)
    assert place.is_dir()
