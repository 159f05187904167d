"""The metric by which a run is judged, and its best value."""

from types import SimpleNamespace

import pytest

from elman.tasks.loss import BinaryCrossEntropy, CrossEntropy, SquaredError
from elman.tracking.metrics import LOSSES, best_value, monitored


def test_the_same_words_as_losses():
    assert {f"val/{loss.monitored}" for loss in (BinaryCrossEntropy, CrossEntropy, SquaredError)} == set(
        LOSSES
    )


@pytest.mark.parametrize(
    ("params", "metrics", "metric"),
    [
        ({"trainer.monitor": "val/accuracy"}, ["val/nats_per_step"], "val/accuracy"),
        ({"trainer.monitor": "None"}, ["val/accuracy", "val/nats_per_step"], "val/nats_per_step"),
        ({}, ["train/mse", "val/rmse", "val/mse"], "val/mse"),
        ({}, ["val/own"], "val/own"),
        ({}, ["val/own", "val/other"], None),
        ({}, [], None),
    ],
)
def test_what_is_monitored(params, metrics, metric):
    assert monitored(params, metrics) == metric


@pytest.mark.parametrize(("metric", "best"), [("val/mse", (1.0, 30)), ("val/accuracy", (3.0, 20))])
def test_the_best_of_the_whole_history_of_equal_ones_the_later(metric, best):
    points = [(1.0, 10), (3.0, 20), (1.0, 30), (float("nan"), 40), (2.0, 50)]
    history = [SimpleNamespace(value=value, step=step) for value, step in points]
    client = SimpleNamespace(get_metric_history=lambda run, key: history)
    assert best_value(client, "run", metric) == best


def test_no_finite_point_is_no_best():
    client = SimpleNamespace(get_metric_history=lambda run, key: [])
    assert best_value(client, "run", "val/mse") is None
