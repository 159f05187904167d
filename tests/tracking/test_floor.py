"""What a constant answer reaches, and who has learned more than that."""

from math import inf, log, nan

import pytest

from elman.tracking.floor import floor_tags, floors_of, learned


def test_a_run_keeps_them():
    assert floors_of(floor_tags({"val/nats_per_step": log(2)})) == {
        "val/nats_per_step": pytest.approx(log(2))
    }
    assert floors_of({"elman.floor.mse": "much", "elman.floored": "1"}) == {}


@pytest.mark.parametrize(
    ("best", "floor", "expected"),
    [
        ({"val/mse": 0.97}, {"val/mse": 1.0}, True),
        ({"val/mse": 0.985}, {"val/mse": 1.0}, False),
        ({"val/mse": nan}, {"val/mse": 1.0}, False),
        ({"val/mse": inf}, {"val/mse": 1.0}, False),
        ({"val/accuracy": 0.53}, {"val/accuracy": 0.5}, True),
        ({"val/accuracy": 0.505}, {"val/accuracy": 0.5}, False),
        ({"val/mse": 0.1}, {"val/accuracy": 0.5}, None),
        ({"val/mse": 0.1}, {}, None),
    ],
)
def test_learned_is_better_by_a_fiftieth(best, floor, expected):
    assert learned(best, floor) is expected


def test_what_is_monitored_decides():
    best, floor = {"val/a": 0.1, "val/b": 1.0}, {"val/b": 1.0, "val/a": 1.0}
    assert learned(best, floor, metric="val/a") is True
    assert learned(best, floor, metric="val/b") is False
    assert learned(best, floor, metric="val/c") is False  # the first that is known
