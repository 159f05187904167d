"""What is drawn from many trials is drawn anew after every tenth more of them, and at the end."""

from __future__ import annotations

from collections.abc import Sequence

from elman.search.results.review import Review, TrialRow

EACH_UP_TO = 50
GROWTH = 1.1


def steady(review: Review, trials: Sequence[TrialRow]) -> list[TrialRow]:
    """The trials up to the last mark while some still run, by number; all of them once none does."""
    ordered = sorted(trials, key=lambda trial: trial.number)
    if not any(trial.state in ("running", "waiting") for trial in review.trials):
        return ordered
    return ordered[: mark(len(ordered))]


def mark(count: int) -> int:
    """The last mark: each trial up to 50, then every tenth more."""
    at = EACH_UP_TO
    if count <= at:
        return count
    while int(at * GROWTH) <= count:
        at = int(at * GROWTH)
    return at
