"""Which trials learned something, where it is known what a network reaches that has learned nothing."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from elman.search.results.review import Review, TrialRow
from elman.tracking.floor import is_beaten, least

HALF = 0.5
NO_DIFFERENCE = 0.001  # of what was learned


def near_best(review: Review, trials: Sequence[TrialRow]) -> list[TrialRow]:
    """The trials whose value is nearer to the best of them than to chance; all where chance is unknown."""
    values = [trial.metric(review.objective) for trial in trials]
    limit = nearer_from(review, values)
    return [
        trial
        for trial, value in zip(trials, values, strict=True)
        if value is not None and (limit is None or signed(review, value) <= limit)
    ]


def nearer_from(review: Review, values: Sequence[float | None]) -> float | None:
    """The value, less being better, from which on a trial is nearer to the best of `values` than to chance.

    What lies between says little about the others: a trial that has learned a first part alone is no
    noise of those that have learned all.

    Returns:
        None where chance is unknown; no value where even the best is at chance.
    """
    known = [signed(review, value) for value in values if value is not None]
    chance = review.chance.get(review.objective)
    if chance is None or not known:
        return None
    if is_at_chance(review, signed(review, min(known))):
        return -inf
    return signed(review, chance) + HALF * (min(known) - signed(review, chance))


def learned_from(review: Review) -> float | None:
    """The value, less being better, that a run must be better than to have learned; None: chance is unknown.

    It is that of a run alone, of a group and of a comparison.
    """
    chance = review.chance.get(review.objective)
    return None if chance is None else signed(review, least(chance, high=_high(review)))


def is_at_chance(review: Review, value: float) -> bool:
    """Whether a value of the first objective says that a run has not learned, as far as that is known."""
    chance = review.chance.get(review.objective)
    return chance is not None and not is_beaten(chance, value, high=_high(review))


def tolerance(review: Review, best: float, *, share: float = NO_DIFFERENCE) -> float:
    """What is no difference, whatever the noise: 1e-6 and 1e-4 are the same to who began at 1.

    Args:
        best: value, less being better.
        share: of what was learned.
    """
    chance = review.chance.get(review.objective)
    return 0.0 if chance is None else share * abs(signed(review, chance) - best)


def signed(review: Review, value: float) -> float:
    """A value of the first objective, less being better; and back."""
    return -value if _high(review) else value


def _high(review: Review) -> bool:
    return review.objectives[review.objective] == "maximize"
