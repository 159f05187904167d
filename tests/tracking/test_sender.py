"""All that a spool holds reaches the store, in order, each point once. The store here is a list."""

import time
from types import SimpleNamespace

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST

from elman.tracking.buffer import Point
from elman.tracking.runs import RunRow
from elman.tracking.sender import Sender
from elman.tracking.spool import Spool
from elman.tracking.writer import RunWriter


class Store:
    """MLflow's client as far as points and tags go; the first `failing` calls raise, `poison` is refused."""

    def __init__(self, failing=0, poison=None):
        self.points, self.tags, self.sizes, self.calls, self.asked = [], {}, [], [], []
        self.failing, self.poison, self.stage = failing, poison, "active"

    def log_batch(self, run_id, metrics=(), tags=(), params=(), synchronous=True):
        if self.failing:
            self.failing -= 1
            raise ConnectionError("store away")
        if self.stage != "active" or any(m.key == self.poison for m in metrics):
            raise MlflowException("bad", INVALID_PARAMETER_VALUE)
        self.sizes.append(len(metrics))
        self.calls += [*([("metrics", len(metrics))] if metrics else []), *((t.key, t.value) for t in tags)]
        self.points += [(m.key, m.step) for m in metrics]
        self.tags |= {t.key: t.value for t in tags}

    def get_metric_history(self, run_id, key):
        self.asked.append(key)
        return [SimpleNamespace(step=step) for name, step in self.points if name == key]

    def get_run(self, run_id):
        if self.stage == "gone":
            raise MlflowException("none", RESOURCE_DOES_NOT_EXIST)
        return SimpleNamespace(info=SimpleNamespace(lifecycle_stage=self.stage))


@pytest.fixture
def spool():
    return Spool(None)


def sender(spool, store, *, resumed=False):
    tags = {"elman.last_step": store.tags["elman.last_step"]} if "elman.last_step" in store.tags else {}
    row = RunRow(
        id="r", name="", experiment_id="1", status="RUNNING", state="running", started_ms=0, tags=tags
    )
    made = Sender(
        spool, lambda: RunWriter(store, row, resumed=resumed), "http://127.0.0.1:9", flush_seconds=0.01
    )
    made.start()
    return made


def metrics(spool, *points, diverged_at=None):
    spool.append(
        "metrics", {"points": [Point(k, 1.0, 0, step) for k, step in points], "diverged_at": diverged_at}
    )


def test_in_order_and_metrics_that_follow_one_another_together(spool):
    store = Store()
    for step in range(1500):
        metrics(spool, ("a", step))
    spool.append("tags", {"tags": {"ended": "yes"}})
    metrics(spool, ("a", 1500))
    running = sender(spool, store)
    assert running.wait(20)
    assert running.close()
    assert store.points == [("a", step) for step in range(1501)]
    assert max(store.sizes) <= 1000
    assert len(store.sizes) < 30
    assert store.calls[-3:] == [("ended", "yes"), ("metrics", 1), ("elman.last_step", "1500")]


def test_all_survives_a_store_that_is_away(spool, caplog):
    store = Store(failing=4)
    running = sender(spool, store)
    for step in range(5):
        metrics(spool, ("a", step), diverged_at=3)
    assert running.wait(20)
    running.close()
    assert store.points == [("a", step) for step in range(5)]
    assert store.tags == {"elman.last_step": "4", "diverged_at_step": "3"}
    assert sum("wait on the disk" in r.message for r in caplog.records) == 1
    assert sum("answers again" in r.message for r in caplog.records) == 1


def test_nobody_waits_for_a_store_that_never_returns(spool):
    running = sender(spool, Store(failing=10**9))
    metrics(spool, ("a", 1))
    start = time.monotonic()
    assert not running.wait(0.3)
    assert running.close()
    assert time.monotonic() - start < 10
    assert len(spool) == 1


def test_what_is_refused_does_not_block_the_rest(spool):
    store = Store(poison="bad")
    metrics(spool, ("bad", 1))
    spool.append("of a later version", {})
    spool.append("tags", {"unknown": "argument"})
    spool.append("tags", {"tags": {}})
    metrics(spool, ("good", 2))
    running = sender(spool, store)
    assert running.wait(20)
    running.close()
    assert (store.points, running.refused) == ([("good", 2)], 3)


@pytest.mark.parametrize("stage", ["deleted", "gone"])
def test_what_is_recorded_waits_for_a_run_that_was_deleted(spool, stage):
    store = Store()
    store.stage = stage
    metrics(spool, ("a", 1))
    running = sender(spool, store)
    assert not running.wait(0.3)
    assert running.refused == 0
    store.stage = "active"
    assert running.wait(20)
    running.close()
    assert store.points == [("a", 1)]


def test_a_key_has_one_point_a_step(spool):
    """As when validation runs at the end of `fit` and again by `validate`, also at an earlier step."""
    store = Store()
    running = sender(spool, store)
    for step in (5, 9, 9, 5, 7):
        metrics(spool, ("val/loss", step))
        assert running.wait(20)
    running.close()
    assert sorted(store.points) == [("val/loss", 5), ("val/loss", 7), ("val/loss", 9)]


def test_resume_skips_what_arrived_and_sends_what_was_lost():
    """Train at 1,000 arrived, validation at 1,000 did not: a tag with the last step would lose it."""
    store = Store()
    for first in (True, False):
        spool = Spool(None)
        for step in range(0, 1001, 100) if first else range(600, 1301, 100):
            metrics(spool, ("train/loss", step))
            if step == (500 if first else 1000):
                metrics(spool, ("val/loss", step))
        metrics(spool, ("system/node_0/cpu", 5000))
        running = sender(spool, store, resumed=not first)
        assert running.wait(20)
        running.close()
        assert store.tags["elman.last_step"] == ("1000" if first else "1300")
    expected = [("train/loss", step) for step in range(0, 1301, 100)]
    expected += [("val/loss", 500), ("val/loss", 1000), ("system/node_0/cpu", 5000)]
    assert sorted(store.points) == sorted(expected)
    assert sorted(store.asked) == ["system/node_0/cpu", "train/loss", "val/loss"]  # once a key
