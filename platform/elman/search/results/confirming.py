"""Which trials are run again with new seeds, and in which order, so that the cheapest of equals is found."""

from __future__ import annotations

from dataclasses import replace

from elman.search.results.belief import Belief, belief, cheapest, points_of
from elman.search.results.named import MEASURED
from elman.search.results.review import ENDED, Review

TOP, EACH = 3, 3
FIRST = TOP * EACH  # runs that measure the noise
ROUND = 4  # runs decided on at once
UNDECIDED = 0.6
ENOUGH = 2  # runs of the present answer


def next_confirmations(review: Review, *, runs: int) -> list[int] | None:
    """The trials to be run again next, in order, a number for each run; None: all are done.

    First the three best, three times each: their spread is the noise between seeds. Then rounds of four
    runs: the best one believed; the present answer until it has two runs; and of the others not dearer than
    that the ones whose being as good as the best is least decided. A round waits for the one before and
    depends on nothing else: a search that was stopped in a round goes on with what is missing of it.

    Args:
        runs: of all, at least 9.

    Returns:
        [] while a round is waited for.

    Cost: that of `belief`.
    """
    made = sorted(review.confirmations, key=lambda run: run.number)
    if len(made) >= runs or not points_of(review):
        return None
    if len(made) < FIRST:
        best = points_of(replace(review, confirmations=()))[:TOP]
        wanted = [best[place // EACH % len(best)].trial.number for place in range(FIRST)]
        return wanted[len(made) : runs]
    start = FIRST + (len(made) - FIRST) // ROUND * ROUND
    if any(run.state not in ENDED for run in made[:start]):
        return []
    found = belief(replace(review, confirmations=tuple(made[:start])))
    if found is None:
        return None
    return _round(found)[len(made) - start :][: runs - len(made)]


def _round(found: Belief) -> list[int]:
    """The trials of one round."""
    best, answer = int(found.mean.argmin()), cheapest(found, MEASURED)
    dear = found.points[answer].cost
    others = [place for place, point in enumerate(found.points) if place != best and point.cost <= dear]
    others.sort(key=lambda place: abs(found.within[place] - UNDECIDED))
    picked = [best, *others[: ROUND - 1]]
    if answer not in picked and len(found.points[answer].fresh) < ENOUGH:
        picked = [best, answer, *others[: ROUND - 2]]
    return [found.points[picked[place % len(picked)]].trial.number for place in range(ROUND)]
