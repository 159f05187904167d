"""Every point reaches the store once, whatever fails on the way. The store here is a list."""

import threading
import time

import pytest
import torch

from elman.tracking.buffer import MetricBuffer, RefusedError


class Store:
    """Keeps points as a server would; the first `failing` calls raise, a `poison` key is refused."""

    def __init__(self, failing=0, poison=None):
        self.points, self.tags, self.sizes = [], {}, []
        self.failing, self.poison, self.asked = failing, poison, []

    def send(self, points, tags):
        if self.failing:
            self.failing -= 1
            raise ConnectionError("store away")
        if any(p.key == self.poison for p in points):
            raise RefusedError("bad name")
        self.sizes.append(len(points))
        self.points += points
        self.tags |= tags

    def steps(self, key):
        self.asked.append(key)
        return [p.step for p in self.points if p.key == key]

    def keys_and_steps(self):
        return sorted((p.key, p.step) for p in self.points)


def buffered(store, **options):
    return MetricBuffer(store.send, flush_seconds=0.01, **options)


def test_all_arrive_in_batches_of_a_thousand_with_the_last_step():
    store = Store()
    buffer = MetricBuffer(store.send, flush_seconds=60)
    for step in range(1501):
        buffer.add({"a": 1.0, "b": torch.tensor(2.0)}, step)
    assert buffer.close()
    assert store.keys_and_steps() == sorted((key, step) for key in "ab" for step in range(1501))
    assert max(store.sizes) == 1000
    assert store.tags == {"elman.last_step": "1500"}
    assert {type(p.value) for p in store.points} == {float}


def test_a_batch_holds_whole_calls():
    store = Store()
    buffer = MetricBuffer(store.send, flush_seconds=60)
    for step in range(10):
        buffer.add({f"m{i}": 0.0 for i in range(300)}, step)
    buffer.close()
    assert store.sizes == [900, 900, 900, 300]


def test_more_than_a_thousand_metrics_in_one_call():
    store = Store()
    buffer = buffered(store)
    buffer.add({f"m{i}": 0.0 for i in range(2500)}, 3)
    assert buffer.close()
    assert len(store.points) == 2500
    assert max(store.sizes) == 1000


def test_a_tensor_is_read_when_it_is_logged():
    store, value = Store(), torch.tensor(1.0)
    buffer = MetricBuffer(store.send, flush_seconds=60)
    buffer.add({"a": value}, 1)
    value.add_(1)
    buffer.close()
    assert store.points[0].value == 1.0


def test_points_survive_a_store_that_is_away(caplog):
    store = Store(failing=3)
    buffer = buffered(store)
    for step in range(5):
        buffer.add({"a": 1.0}, step)
    assert buffer.flush(20)
    buffer.close()
    assert store.keys_and_steps() == [("a", step) for step in range(5)]
    assert buffer.failures == 3
    assert sum("does not take metrics" in r.message for r in caplog.records) == 1


def test_a_store_that_never_returns_costs_points_not_the_run(caplog):
    store = Store(failing=10**9)
    buffer = buffered(store, bound=4)
    for step in range(10):
        buffer.add({"a": 1.0}, step)
    assert not buffer.close(timeout=0.5)
    assert buffer.lost == 10
    assert "10 metric points did not reach" in caplog.text


def test_refused_points_do_not_block_the_rest():
    store = Store(poison="bad")
    buffer = buffered(store)
    buffer.add({"bad": 1.0}, 1)
    assert buffer.flush(10)
    buffer.add({"good": 1.0}, 2)
    assert buffer.close()
    assert store.keys_and_steps() == [("good", 2)]
    assert buffer.lost == 1


def test_non_finite_values_are_counted_and_never_sent():
    store = Store()
    buffer = buffered(store)
    buffer.add({"a": 1.0, "b": float("nan")}, 7)
    buffer.add({"a": float("inf"), "b": float("-inf")}, 8)
    assert buffer.close()
    assert store.keys_and_steps() == [("a", 7)]
    assert buffer.non_finite == 3
    assert store.tags["diverged_at_step"] == "7"


def test_a_key_has_one_point_a_step():
    """As when validation runs at the end of `fit` and again by `validate`, also at an earlier step."""
    store = Store()
    buffer = buffered(store)
    for step in (5, 9, 9, 5, 7):
        buffer.add({"val/loss": float(step)}, step)
        buffer.flush(10)
    buffer.close()
    assert store.keys_and_steps() == [("val/loss", 5), ("val/loss", 7), ("val/loss", 9)]


def test_resume_skips_what_arrived_and_sends_what_was_lost():
    """Train at 1,000 arrived, validation at 1,000 did not: a tag with the last step would lose it."""
    store = Store()
    first = buffered(store)
    for step in range(0, 1001, 100):
        first.add({"train/loss": 1.0}, step)
    first.add({"val/loss": 1.0}, 500)
    first.close()
    assert store.tags["elman.last_step"] == "1000"

    again = buffered(store, stored_steps=store.steps, last_step=1000)
    for step in range(600, 1301, 100):
        again.add({"train/loss": 1.0}, step)
        if step == 1000:
            again.add({"val/loss": 1.0}, step)
    assert again.close()
    trained = [("train/loss", step) for step in range(0, 1301, 100)]
    assert store.keys_and_steps() == [*trained, ("val/loss", 500), ("val/loss", 1000)]
    assert sorted(store.asked) == ["train/loss", "val/loss"]  # once a key
    assert store.tags["elman.last_step"] == "1300"


def test_invalid_names_are_mended():
    store = Store()
    buffer = buffered(store)
    buffer.add({"a[0]|é": 1.0, "/b//c": 3.0, "k" * 300: 2.0, "k" * 299: 2.0}, 1)
    assert buffer.close()
    plain, path, *long = sorted(p.key for p in store.points)
    assert (plain, path) == ("a_0___", "b/c")
    assert [len(key) for key in long] == [250, 250]
    assert len(set(long)) == 2


def test_a_metric_that_is_no_number_is_refused_by_name():
    buffer = buffered(Store())
    with pytest.raises(TypeError, match="'a' must be a number, got str"):
        buffer.add({"a": "high"}, 1)
    buffer.close()


def test_a_point_costs_its_caller_microseconds():
    """The store takes 50 ms a call; a thousand calls must not wait for it."""
    slow = threading.Event()
    buffer = MetricBuffer(lambda points, tags: slow.wait(0.05) or None, flush_seconds=0.01)
    start = time.perf_counter()
    for step in range(1000):
        buffer.add({"a": 1.0}, step)
    spent = time.perf_counter() - start
    buffer.close()
    assert spent < 0.02  # 20 us a call on a busy machine; 1 us measured on an idle one
