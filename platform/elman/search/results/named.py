"""The trial that a study names, wherever it names one: the cheapest that is as good as the best."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Literal

from elman.search.results.belief import Belief, belief, cheapest
from elman.search.results.learned import is_at_chance, signed
from elman.search.results.review import ENDED, Review, TrialRow

GUESSED, MEASURED = 0.7, 0.85
"""How likely a point must be as good as the best: from single runs, and with repeats."""
COVERED = 0.95

How = Literal["observed", "guessed", "measured"]


@dataclass(frozen=True, kw_only=True)
class Named:
    """The answer of a study.

    Args:
        trial: that is named.
        how: it is only the best one that was observed; guessed from the trials, each run once; or measured by
            runs with new seeds.
        noise: standard deviation of a run with another seed; None: unknown.
        value: mean of the runs with new seeds that learned, None where there are none; never the trial's own
            value, which was chosen for being good.
        interval: of that mean, 95 %.
        learned, runs: of its runs with new seeds.
    """

    trial: TrialRow
    how: How
    noise: float | None = None
    value: float | None = None
    interval: tuple[float, float] | None = None
    learned: int = 0
    runs: int = 0


def named(review: Review) -> Named | None:
    """The trial that this study names; None where none has come to its end within the limits.

    Of the trials nearer to the best than to chance, the cheapest one that a Gaussian process holds as good as
    the best: within one standard deviation of the noise between seeds. Where these are too few, or the best
    is at chance, the best one observed.

    Cost: that of `belief`, once a review.
    """
    if "named" not in review.memo:
        review.memo["named"] = _named(review)
    found: Named | None = review.memo["named"]
    return found


def _named(review: Review) -> Named | None:
    best = review.best()
    if best is None:
        return None
    if review.objective.startswith("cost/") or is_at_chance(review, best.measured(review.objective)):
        return Named(trial=best, how="observed")
    found = belief(review)
    if found is None:
        return Named(trial=best, how="observed")
    if is_confirmed(review) and any(point.fresh for point in found.points):
        return _measured(review, found, cheapest(found, MEASURED, repeated=True))
    place = cheapest(found, GUESSED)
    return Named(trial=found.points[place].trial, how="guessed", noise=found.noise)


def is_confirmed(review: Review) -> bool:
    """Whether all confirming runs have come to their end."""
    over = sum(run.state in ENDED for run in review.confirmations)
    return bool(over) and over >= max(review.confirm_runs, len(review.confirmations))


def _measured(review: Review, found: Belief, place: int) -> Named:
    from scipy.stats import t

    point = found.points[place]
    mean = sum(point.fresh) / len(point.fresh)
    ends = None
    if found.freedom:
        half = float(t.ppf(0.5 + COVERED / 2, found.freedom)) * found.noise / sqrt(len(point.fresh))
        low, high = sorted(signed(review, end) for end in (mean - half, mean + half))
        ends = (low, high)
    return Named(
        trial=point.trial,
        how="measured",
        noise=found.noise,
        value=signed(review, mean),
        interval=ends,
        learned=len(point.fresh),
        runs=point.fresh_runs,
    )
