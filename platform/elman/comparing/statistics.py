"""Whether two recipes differ: intervals and tests that keep what they promise at few seeds.

With 3, 5 and 10 seeds Student's t interval of the paired differences covers as it says, while bootstraps
claim too much; `benchmarks/claims.py` measures it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf, sqrt
from statistics import fmean, stdev

from elman.groups.spread import CONFIDENCE, t_quantile

LEVEL = 1 - CONFIDENCE
EXACT_FROM = 6  # pairs; with fewer no exact test can fall below the level
RESAMPLES = 2**16 - 1  # beyond 16 pairs signs are drawn, not counted out
FEW = 4  # runs or pairs, at most: too few to say that there is no difference


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How much larger the second is than the first, on average.

    Args:
        paired: whether run by run, by `pairs` of them; else by Welch's test of unequal spreads.
        count: pairs; of unpaired runs the smaller number of them.
        mean: of the second less the first.
        low, high: ends of the 95 % interval; None: of a single pair.
        p: of Student's or Welch's t test; None: of a single pair.
        positive, negative: pairs in which the second is larger, and smaller.
        effect: the mean by the standard deviation of the differences, or of the runs within a recipe.
        gaps: the difference of each pair.
    """

    paired: bool
    count: int
    mean: float
    low: float | None = None
    high: float | None = None
    p: float | None = None
    positive: int = 0
    negative: int = 0
    effect: float | None = None
    gaps: tuple[float, ...] = ()

    @cached_property
    def exact(self) -> float | None:
        """p of the exact permutation test of the signs; None: with fewer than six it cannot be small."""
        return exact_p(self.gaps) if len(self.gaps) >= EXACT_FROM else None

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies to one side of zero."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def paired(first: Sequence[float], second: Sequence[float]) -> Difference:
    """Of runs that pair, place by place: Student's t of the differences.

    Source: Student (1908), "The probable error of a mean"; for the exact test Fisher (1935), "The design of
    experiments", 21.
    """
    values = [b - a for a, b in zip(first, second, strict=True)]
    up, down = sum(v > 0 for v in values), sum(v < 0 for v in values)
    count, mean = len(values), fmean(values)
    if count < 2:
        return Difference(paired=True, count=count, mean=mean, positive=up, negative=down)
    sd = stdev(values)
    half = t_quantile(count - 1) * sd / sqrt(count)
    return Difference(
        paired=True,
        count=count,
        mean=mean,
        low=mean - half,
        high=mean + half,
        p=_p(mean, sd / sqrt(count), count - 1),
        gaps=tuple(values),
        effect=_ratio(mean, sd),
        positive=up,
        negative=down,
    )


def unpaired(first: Sequence[float], second: Sequence[float]) -> Difference:
    """Of runs that do not pair: Welch's t, which lets spreads differ.

    Source: Welch (1947), "The generalization of Student's problem when several different population variances
    are involved", Biometrika 34.
    """
    mean, count = fmean(second) - fmean(first), min(len(first), len(second))
    if count < 2:
        return Difference(paired=False, count=count, mean=mean)
    parts = [stdev(values) ** 2 / len(values) for values in (first, second)]
    error, pooled = sqrt(sum(parts)), sqrt((stdev(first) ** 2 + stdev(second) ** 2) / 2)
    bottom = sum(part**2 / (len(v) - 1) for part, v in zip(parts, (first, second), strict=True))
    degrees = sum(parts) ** 2 / bottom if bottom else float(len(first) + len(second) - 2)
    half = t_quantile(degrees) * error
    return Difference(
        paired=False,
        count=count,
        mean=mean,
        low=mean - half,
        high=mean + half,
        p=_p(mean, error, degrees),
        effect=_ratio(mean, pooled),
    )


def exact_p(values: Sequence[float]) -> float:
    """How often the mean would be as far from zero if each sign were drawn by a coin, all draws counted.

    Of more than 16 values 65,535 draws are made, the same ones each time.
    """
    import numpy as np
    from scipy.stats import permutation_test

    found = permutation_test(
        (np.asarray(values, dtype=np.float64),),
        lambda each, axis=-1: each.mean(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES + 1,
        rng=np.random.default_rng(0),
    )
    return float(found.pvalue)


def learned_p(first: tuple[int, int], second: tuple[int, int]) -> float:
    """Fisher's exact test of how many learned, (learned, of) each."""
    from scipy.stats import fisher_exact

    table = [[learned, of - learned] for learned, of in (first, second)]
    return float(fisher_exact(table).pvalue)


def holm(p: Sequence[float]) -> list[float]:
    """The p values, larger by as much as several comparisons at once need, in their order.

    Source: Holm (1979), "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6.
    """
    order = sorted(range(len(p)), key=lambda i: p[i])
    found, largest = [0.0] * len(p), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p) - rank) * p[i]))
        found[i] = largest
    return found


def _p(mean: float, error: float, degrees: float) -> float:
    from scipy.stats import t

    if not error:
        return 1.0 if not mean else 0.0
    return float(2 * t.sf(abs(mean) / error, degrees))


def _ratio(mean: float, sd: float) -> float:
    if sd:
        return mean / sd
    return 0.0 if not mean else inf if mean > 0 else -inf
