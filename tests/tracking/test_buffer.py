"""What training hands over comes out in clean groups, whoever writes them."""

import threading
import time

import pytest
import torch

from elman.tracking.buffer import MetricBuffer


@pytest.fixture
def written():
    """The groups of points that a buffer has written."""
    return []


@pytest.fixture
def buffer(written):
    made = MetricBuffer(written.append, flush_seconds=60)
    yield made
    made.close()


def keys_and_steps(groups):
    return sorted((point.key, point.step) for group in groups for point in group)


def test_all_are_written_in_groups_of_a_thousand(buffer, written):
    for step in range(1501):
        buffer.add({"a": 1.0, "b": torch.tensor(2.0)}, step)
    buffer.flush()
    assert keys_and_steps(written) == sorted((key, step) for key in "ab" for step in range(1501))
    assert max(map(len, written)) == 1000
    assert {type(point.value) for group in written for point in group} == {float}
    assert buffer.last_step == 1500


def test_a_group_holds_whole_calls(buffer, written):
    for step in range(10):
        buffer.add({f"m{i}": 0.0 for i in range(300)}, step)
    buffer.flush()
    assert [len(group) for group in written] == [900, 900, 900, 300]


def test_more_than_a_thousand_metrics_in_one_call(buffer, written):
    buffer.add({f"m{i}": 0.0 for i in range(2500)}, 3)
    buffer.flush()
    assert [len(group) for group in written] == [1000, 1000, 500]


def test_a_thread_writes_every_so_often(written):
    buffer = MetricBuffer(written.append, flush_seconds=0.01)
    buffer.add({"a": 1.0}, 1)
    end = time.monotonic() + 30
    while not written:
        assert time.monotonic() < end
        time.sleep(0.01)
    buffer.close()
    assert keys_and_steps(written) == [("a", 1)]


def test_a_tensor_is_read_when_it_is_logged(buffer, written):
    value = torch.tensor(1.0)
    buffer.add({"a": value}, 1)
    value.add_(1)
    buffer.flush()
    assert written[0][0].value == 1.0


def test_non_finite_values_are_counted_and_never_written(buffer, written):
    buffer.add({"a": 1.0, "b": float("nan")}, 7)
    buffer.add({"a": float("inf"), "b": float("-inf")}, 8)
    buffer.flush()
    assert keys_and_steps(written) == [("a", 7)]
    assert (buffer.non_finite, buffer.diverged_at) == (3, 7)
    buffer.add({"a": float("nan")}, 5)
    buffer.flush()
    assert written[1:] == [[]]  # that it diverged earlier is told without a point
    assert buffer.diverged_at == 5


def test_what_is_measured_aside_counts_no_time_steps(buffer, written):
    buffer.add_aside({"system/cpu": 1.0}, 1_000)
    buffer.flush()
    assert keys_and_steps(written) == [("system/cpu", 1_000)]
    assert buffer.last_step == -1


def test_invalid_names_are_mended(buffer, written):
    buffer.add({"a[0]|é": 1.0, "/b//c": 3.0, "k" * 300: 2.0, "k" * 299: 2.0}, 1)
    buffer.flush()
    plain, path, *long = sorted(point.key for point in written[0])
    assert (plain, path) == ("a_0___", "b/c")
    assert [len(key) for key in long] == [250, 250]
    assert len(set(long)) == 2


def test_a_metric_that_is_no_number_is_refused_by_name(buffer):
    with pytest.raises(TypeError, match="'a' must be a number, got str"):
        buffer.add({"a": "high"}, 1)


def test_a_point_costs_its_caller_microseconds():
    """The disk takes 50 ms a call; a thousand calls must not wait for it."""
    slow = threading.Event()
    buffer = MetricBuffer(lambda points: slow.wait(0.05) or None, flush_seconds=0.01)
    start = time.perf_counter()
    for step in range(1000):
        buffer.add({"a": 1.0}, step)
    spent = time.perf_counter() - start
    buffer.close()
    assert spent < 0.02  # 20 us a call on a busy machine; 1 us measured on an idle one
