"""Baselines: repeating the last value, and a linear autoregression of the last 24."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from datamodules.tables.pieces import Span
from datamodules.tables.series import Series

LAGS = 24
MOST_TARGETS = 8
"""With more targets none has errors of its own."""
CHUNK = 1 << 16


class Target(NamedTuple):
    """Rows [start, stop) of one target in one series.

    Args:
        values: (N,) the target over the whole series.
        known: (N,) bool, rows that are predicted.
    """

    values: np.ndarray
    known: np.ndarray
    start: int
    stop: int


def baselines(
    series: Sequence[Series], spans: Sequence[Sequence[Span]], *, horizon: int, by_time: bool
) -> dict[str, float]:
    """Root mean squared errors of forecasts that need no network, in the file's units, of each target.

    They are those of the test part (of validation, where there is none) and, named val_..., of validation.

    Args:
        spans: of training, validation and test.
        by_time: parts follow each other in every series, and the autoregression is fitted to all before.
    """
    metrics = {}
    targets = series[0].targets.shape[1]
    if horizon == 0 or targets > MOST_TARGETS:
        return {}
    for prefix, scored in (("", spans[2] or spans[1]), ("val_", spans[1])):
        before = [(number, 0, start) for number, start, _ in scored] if by_time else spans[0]
        for target in range(targets):
            fitted, asked = (
                [Target(series[n].targets[:, target], series[n].known[:, target], a, b) for n, a, b in each]
                for each in (before, scored)
            )
            end = f"_{target}" if targets > 1 else ""
            metrics[f"{prefix}repeat_rmse{end}"] = repeat_rmse(asked, horizon=horizon)
            metrics[f"{prefix}linear24_rmse{end}"] = linear_rmse(fitted, asked, horizon=horizon)
    return {name: round(value, 6) for name, value in metrics.items() if np.isfinite(value)}


def repeat_rmse(spans: Sequence[Target], *, horizon: int) -> float:
    """Root mean squared error of repeating the value `horizon` rows earlier; NaN where there is none."""
    total, count = 0.0, 0
    for values, known, start, stop in spans:
        rows = np.arange(max(start, horizon), stop)
        rows = rows[known[rows]]
        errors = values[rows].astype(np.float64) - values[rows - horizon]
        total, count = total + float(errors @ errors), count + len(errors)
    return (total / count) ** 0.5 if count else float("nan")


def linear_rmse(
    before: Sequence[Target], scored: Sequence[Target], *, horizon: int, lags: int = LAGS
) -> float:
    """Root mean squared error, over `scored`, of the linear autoregression that fits `before` best.

    v[r] is predicted from v[r - horizon], ..., v[r - horizon - lags + 1] and a constant, by least squares.
    NaN where `before` has too few rows.

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
    spans: Sequence[Target], horizon: int, lags: int, centre: float
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(n, lags + 1) lagged values with a 1, and the (n,) values they predict, some rows at a time."""
    back = horizon + lags - 1
    for values, known, start, stop in spans:
        for first in range(max(start, back), stop, CHUNK):
            last = min(first + CHUNK, stop)
            centred = values[first - back : last].astype(np.float64) - centre
            rows = known[first:last]
            windows = sliding_window_view(centred[: last - first + lags - 1], lags)
            lagged = np.ones((int(rows.sum()), lags + 1))
            lagged[:, :lags] = (windows if rows.all() else windows[rows])[:, ::-1]
            yield lagged, centred[back:][rows]
