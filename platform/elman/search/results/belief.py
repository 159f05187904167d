"""What a study makes believe of its trials' true values: single measurements, and repeats with new seeds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import sqrt

import numpy as np

from elman.search.results.candidates import factors, table
from elman.search.results.cost_view import cost_of
from elman.search.results.learned import learned_from, nearer_from, signed, tolerance
from elman.search.results.noise_model import Posterior, posterior
from elman.search.results.review import Review, TrialRow
from elman.search.results.steady import steady

LEAST = 12  # points, below which nothing is guessed from single runs
MOST = 500  # trials, the best of them


@dataclass(frozen=True, kw_only=True)
class Point:
    """A point of the space with all its runs.

    Args:
        trial: the first one with these values.
        value: mean of its runs that count, the trial's own among them, less being better.
        fresh: values of the confirming runs that learned.
        runs, fresh_runs: that ended, those that did not learn included.
        failed: runs that do not count.
        cost: of the trial; 0 for all where no cost tells them apart.
    """

    trial: TrialRow
    value: float
    fresh: tuple[float, ...]
    runs: int
    fresh_runs: int
    failed: int
    cost: float


@dataclass(frozen=True, kw_only=True)
class Belief:
    """What is believed of the true values.

    Args:
        points: that count, best value first.
        mean: (points,) of the true values, less being better.
        within: (points,) how likely a point is at most one noise standard deviation worse than the best mean.
        noise: standard deviation of a single run.
        freedom: degrees of freedom of the noise, where it was measured; 0: it was guessed.
    """

    points: tuple[Point, ...]
    mean: np.ndarray
    within: np.ndarray
    noise: float
    freedom: int = 0


def belief(review: Review) -> Belief | None:
    """What the study so far makes believe; None where too few points count.

    While a search runs it is taken after every tenth more trials, and after each confirming run.

    Cost: as `posterior`; the same trials are not taken twice.
    """
    points = points_of(review)
    if len(points) < (1 if any(point.fresh_runs for point in points) else LEAST):
        return None
    groups = [np.array(point.fresh) for point in points if len(point.fresh) > 1]
    freedom = sum(len(group) - 1 for group in groups)
    measured = None
    if freedom:
        measured = sqrt(sum(float(((g - g.mean()) ** 2).sum()) for g in groups) / freedom)
    found = table(
        review, [point.trial for point in points], without=[base for base, _ in factors(review).values()]
    )
    counts = np.array([point.runs - point.failed for point in points], dtype=float)
    values = np.array([point.value for point in points])
    fitted = _posterior(
        found.numbers.shape, found.numbers.tobytes(), values.tobytes(), counts.tobytes(), measured
    )
    gap = max(fitted.noise, tolerance(review, float(values.min())))
    return Belief(
        points=tuple(points), mean=fitted.mean, within=fitted.within(gap), noise=fitted.noise, freedom=freedom
    )


def points_of(review: Review) -> list[Point]:
    """The points that are nearer to the best than to chance and keep all limits, best value first.

    Of confirming runs those count that learned.

    A trial with the values and the seed of an earlier one is the same run once more, bit by bit, and left
    out; one with another seed is a run of the same point. Confirming runs that trained longer than trials
    reach other values: what they gain on average is added to the trials.
    """
    trials = [t for t in review.feasible if t.metric(review.objective) is not None]
    trials = steady(review, trials)
    limit, least = (
        nearer_from(review, [trial.metric(review.objective) for trial in trials]),
        learned_from(review),
    )
    cost = cost_of(review)
    together: dict[str, list[TrialRow]] = {}
    for trial in trials:
        key = repr(sorted(trial.values.items()))
        same = together.setdefault(key, [])
        if trial.seed not in [other.seed for other in same]:
            same.append(trial)
    fresh = fresh_runs(review)
    shift = _shift(review, fresh, {t.number: t for t in trials}, least)
    found = []
    for same in together.values():
        own = [signed(review, trial.measured(review.objective)) for trial in same]
        confirming = [value for trial in same for value in fresh.get(trial.number, ())]
        passed = [v for v in confirming if v is not None and (least is None or v < least)]
        kept = [v for v in own if limit is None or v <= limit]
        if not kept:
            continue
        found.append(
            Point(
                trial=same[0],
                value=float(np.mean([*(v + shift for v in kept), *passed])),
                fresh=tuple(passed),
                runs=len(own) + len(confirming),
                fresh_runs=len(confirming),
                failed=len(own) + len(confirming) - len(kept) - len(passed),
                cost=cost(same[0]),
            )
        )
    return sorted(found, key=lambda p: (p.value, p.trial.number))[:MOST]


def fresh_runs(review: Review) -> dict[int, list[float | None]]:
    """The values of confirming runs that ended, less being better, by the trial that they repeat.

    None for a run that failed.
    """
    found: dict[int, list[float | None]] = {}
    for run in review.confirmations:
        if run.confirms is not None and run.state in ("complete", "failed"):
            value = run.metric(review.objective) if run.state == "complete" else None
            found.setdefault(run.confirms, []).append(None if value is None else signed(review, value))
    return found


def _shift(
    review: Review,
    fresh: dict[int, list[float | None]],
    trials: dict[int, TrialRow],
    least: float | None,
) -> float:
    """What longer training changes, on average over the trials that were repeated; 0 for equal budgets."""
    if review.confirm_budget == 1:
        return 0.0
    gaps = []
    for number, values in fresh.items():
        passed = [v for v in values if v is not None and (least is None or v < least)]
        if passed and number in trials:
            own = signed(review, trials[number].measured(review.objective))
            gaps.append(float(np.mean(passed)) - own)
    return float(np.mean(gaps)) if gaps else 0.0


@lru_cache(maxsize=32)
def _posterior(
    shape: tuple[int, int], numbers: bytes, values: bytes, counts: bytes, noise: float | None
) -> Posterior:
    inputs = np.frombuffer(numbers).reshape(shape)
    return posterior(inputs, np.frombuffer(values), runs=np.frombuffer(counts), noise=noise)


def cheapest(found: Belief, likely: float, *, repeated: bool = False) -> int:
    """The place of the cheapest point that is as good as the best with this probability.

    Of equal cost the one with the better mean. A point with a larger share of runs that did not learn than
    the best one of those that were repeated does not count.

    Args:
        repeated: only points with a confirming run that learned count, if there are any.
    """
    points = found.points
    measured = [place for place, point in enumerate(points) if point.fresh]
    places = measured if repeated and measured else list(range(len(points)))
    shares = {place: points[place].failed / points[place].runs for place in places}
    least = min((shares[place] for place in places if points[place].fresh_runs), default=1.0)
    steady_ones = [place for place in places if shares[place] <= least]
    best = min(steady_ones, key=lambda place: found.mean[place])
    held = [place for place in steady_ones if found.within[place] >= likely]
    return min(held or [best], key=lambda place: (points[place].cost, found.mean[place]))
