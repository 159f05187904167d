"""Mean, spread and interval of a metric over the runs of a group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import sqrt
from statistics import fmean, stdev

CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Of some numbers.

    Args:
        count: how many.
        mean: of them.
        sd: the standard deviation between them, by count - 1; None: of a single one.
        low, high: ends of the interval in which the mean over all seeds lies, at 95 %; None: of a single one.
    """

    count: int
    mean: float
    sd: float | None = None
    low: float | None = None
    high: float | None = None


def spread(values: Sequence[float]) -> Spread | None:
    """Mean, standard deviation and Student's t interval; None: there is no value.

    Source: Student (1908), "The probable error of a mean", Biometrika 6(1).
    """
    if not values:
        return None
    mean = fmean(values)
    if len(values) == 1:
        return Spread(count=1, mean=mean)
    sd = stdev(values)
    half = t_quantile(len(values) - 1) * sd / sqrt(len(values))
    return Spread(count=len(values), mean=mean, sd=sd, low=mean - half, high=mean + half)


@cache
def t_quantile(degrees: float, confidence: float = CONFIDENCE) -> float:
    """What Student's t stays below in absolute value with this probability."""
    from scipy.stats import t

    return float(t.ppf((1 + confidence) / 2, degrees))
