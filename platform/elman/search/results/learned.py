"""Which trials learned something, where it is known what a network without any knowledge reaches."""

from __future__ import annotations

from collections.abc import Sequence

from elman.search.results.review import Review, TrialRow

HALF = 0.5
BEATEN = 0.01  # of what chance reaches


def learned(review: Review, trials: Sequence[TrialRow]) -> list[TrialRow]:
    """The trials whose value is nearer to the best of them than to chance; all where chance is unknown.

    None where the best is no better than chance.
    """
    limit = learned_from(review, [t.metric(review.objective) for t in trials])
    return list(trials) if limit is None else [t for t in trials if keeps(review, t, limit)]


def learned_from(review: Review, values: Sequence[float | None]) -> float | None:
    """The value from which on a run has learned, less being better, as `cost_of` counts it; None: unknown."""
    name = review.objective
    known = [signed(review, value) for value in values if value is not None]
    if name not in review.chance or not known:
        return None
    chance, best = signed(review, review.chance[name]), min(known)
    return chance + HALF * (best - chance) if beats(chance, best) else -float("inf")


def is_at_chance(review: Review, value: float) -> bool:
    """Whether a value of the first objective is no better than chance, as far as that is known."""
    name = review.objective
    if name not in review.chance:
        return False
    return not beats(signed(review, review.chance[name]), signed(review, value))


def keeps(review: Review, trial: TrialRow, limit: float) -> bool:
    value = trial.metric(review.objective)
    return value is not None and signed(review, value) <= limit


def signed(review: Review, value: float) -> float:
    """A value of the first objective, less being better."""
    return -value if review.objectives[review.objective] == "maximize" else value


def beats(chance: float, value: float) -> bool:
    return value < chance - BEATEN * abs(chance)
