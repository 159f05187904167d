"""The figure by which a run is judged, and the best value it had."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient

HIGH_IS_GOOD = ("accuracy", "exact")
LOSSES = ("val/nats_per_step", "val/mse")  # what is monitored where a recipe names nothing


def high_is_good(figure: str) -> bool:
    return figure.endswith(HIGH_IS_GOOD)


def monitored(params: Mapping[str, str], metrics: Iterable[str]) -> str | None:
    """The figure that named a run's best checkpoint; None: it cannot be told.

    It is what the recipe names, else the loss.
    """
    named = params.get("trainer.monitor", "None")
    if named.startswith("val/"):
        return named
    there = [figure for figure in metrics if figure.startswith("val/")]
    known = [figure for figure in LOSSES if figure in there]
    return next(iter(known), there[0] if len(there) == 1 else None)


def best_value(client: MlflowClient, run_id: str, figure: str) -> tuple[float, int] | None:
    """The best value a figure had in a run and its time step, of equal ones the last; None: it had none.

    Cost: the whole history of the figure, about 2 ms for 50 points in SQLite.
    """
    sign = -1.0 if high_is_good(figure) else 1.0
    points = [p for p in client.get_metric_history(run_id, figure) if isfinite(p.value)]
    if not points:
        return None
    best = min(points, key=lambda p: (sign * p.value, -p.step))
    return float(best.value), int(best.step)
