"""What needs no network: repeating the last value, and a straight line through the last 24."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

LAGS = 24
CHUNK = 1 << 16


class Stretch(NamedTuple):
    """Target rows [start, stop) of one series.

    Args:
        values: (N,) the target over the whole series.
        known: (N,) bool, rows that are asked for.
    """

    values: np.ndarray
    known: np.ndarray
    start: int
    stop: int


def repeat_rmse(stretches: Sequence[Stretch], *, horizon: int) -> float:
    """Root mean squared error of answering with the value `horizon` rows earlier; NaN where there is none."""
    total, count = 0.0, 0
    for values, known, start, stop in stretches:
        rows = np.arange(max(start, horizon), stop)
        rows = rows[known[rows]]
        errors = values[rows].astype(np.float64) - values[rows - horizon]
        total, count = total + float(errors @ errors), count + len(errors)
    return (total / count) ** 0.5 if count else float("nan")


def linear_rmse(
    before: Sequence[Stretch], scored: Sequence[Stretch], *, horizon: int, lags: int = LAGS
) -> float:
    """Root mean squared error, over `scored`, of the linear autoregression that fits `before` best.

    v[r] is told from v[r - horizon], ..., v[r - horizon - lags + 1] and a constant, by least squares. NaN
    where `before` has too few rows.

    Cost: memory of 65,536 rows of lags, whatever the length.
    """
    centre = float(before[0].values.mean()) if before else 0.0  # any one fits as well; this one rounds less
    gram, cross, count = np.zeros((lags + 1, lags + 1)), np.zeros(lags + 1), 0
    for lagged, value in _rows(before, horizon, lags, centre):
        gram, cross, count = gram + lagged.T @ lagged, cross + lagged.T @ value, count + len(value)
    if count <= lags:
        return float("nan")
    weights = np.linalg.lstsq(gram, cross, rcond=None)[0]
    total, count = 0.0, 0
    for lagged, value in _rows(scored, horizon, lags, centre):
        errors = lagged @ weights - value
        total, count = total + float(errors @ errors), count + len(value)
    return (total / count) ** 0.5 if count else float("nan")


def _rows(
    stretches: Sequence[Stretch], horizon: int, lags: int, centre: float
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(n, lags + 1) lagged values with a 1, and the (n,) values they tell, some rows at a time."""
    back = horizon + np.arange(lags)
    for values, known, start, stop in stretches:
        for first in range(max(start, horizon + lags - 1), stop, CHUNK):
            rows = np.arange(first, min(first + CHUNK, stop))
            rows = rows[known[rows]]
            lagged = values[rows[:, None] - back].astype(np.float64) - centre
            value = values[rows].astype(np.float64) - centre
            yield np.column_stack([lagged, np.ones(len(rows))]), value
