"""The metric by which a run is judged, and the best value it had."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient

BEST = "best/"
"""Before the name of what a run monitors: its best value so far; of a study: its best trial's."""
HIGH_IS_GOOD = ("accuracy", "exact")
LOSSES = ("val/nats_per_step", "val/mse")  # what is monitored where a recipe names nothing


def high_is_good(metric: str) -> bool:
    return metric.endswith(HIGH_IS_GOOD)


def monitored(params: Mapping[str, str], metrics: Iterable[str]) -> str | None:
    """The metric that named a run's best checkpoint; None: it is unknown.

    It is what the recipe names, else the loss.
    """
    named = params.get("trainer.monitor", "None")
    if named.startswith("val/"):
        return named
    there = [metric for metric in metrics if metric.startswith("val/")]
    known = [metric for metric in LOSSES if metric in there]
    return next(iter(known), there[0] if len(there) == 1 else None)


def points(client: MlflowClient, run_id: str, metric: str) -> list[tuple[int, float]]:
    """(step, value) of all that a run has logged of a metric and that is finite, by step."""
    found = [p for p in client.get_metric_history(run_id, metric) if isfinite(p.value)]
    return sorted((int(p.step), float(p.value)) for p in found)


def best_value(client: MlflowClient, run_id: str, metric: str) -> tuple[float, int] | None:
    """The best value a metric had in a run and its time step, of equal ones the last; None: it had none.

    Cost: the whole history of the metric, about 2 ms for 50 points in SQLite.
    """
    sign = -1.0 if high_is_good(metric) else 1.0
    points = [p for p in client.get_metric_history(run_id, metric) if isfinite(p.value)]
    if not points:
        return None
    best = min(points, key=lambda p: (sign * p.value, -p.step))
    return float(best.value), int(best.step)
