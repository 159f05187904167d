"""Which trials learned something, where it is known what a network reaches that has learned nothing."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from elman.search.results.review import Review, TrialRow

HALF = 0.5
BEATEN = 0.01  # of chance, by which it must be beaten
NO_DIFFERENCE = 0.001  # of what was learned


def learned(review: Review, trials: Sequence[TrialRow]) -> list[TrialRow]:
    """The trials whose value is nearer to the best of them than to chance; all where chance is unknown."""
    values = [trial.metric(review.objective) for trial in trials]
    limit = learned_from(review, values)
    return [
        trial
        for trial, value in zip(trials, values, strict=True)
        if value is not None and (limit is None or signed(review, value) <= limit)
    ]


def learned_from(review: Review, values: Sequence[float | None]) -> float | None:
    """The value, less being better, at which a run has learned; None: all have, as far as is known.

    It is half way from chance to the best of the values; no value where even that is at chance.
    """
    known = [signed(review, value) for value in values if value is not None]
    chance = review.chance.get(review.objective)
    if chance is None or not known:
        return None
    if is_at_chance(review, signed(review, min(known))):
        return -inf
    return signed(review, chance) + HALF * (min(known) - signed(review, chance))


def is_at_chance(review: Review, value: float) -> bool:
    """Whether a value of the first objective is no better than chance, as far as that is known."""
    chance = review.chance.get(review.objective)
    return chance is not None and signed(review, value) >= signed(review, chance) - BEATEN * abs(chance)


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
    return -value if review.objectives[review.objective] == "maximize" else value
