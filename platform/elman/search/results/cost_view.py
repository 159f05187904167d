"""A study with its cost as second objective, for studies that were run with one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf

from elman.search.results.format import cost_name
from elman.search.results.review import Review, TrialRow

SECONDS = "seconds"


def with_cost(review: Review) -> Review | None:
    """The same study as if its cost had been an objective too; None where no cost was measured.

    The cost is the core steps run for a step of the data, the same on every machine, where that was measured
    and differs between trials; else the seconds a trial took.
    """
    name = cost_name(review)
    if name is None or len({trial.metric(name) for trial in review.feasible} - {None}) < 2:
        name = SECONDS
        review = replace(review, trials=tuple(_timed(trial) for trial in review.trials))
    found = [trial for trial in review.ranked() if trial.metric(name) is not None]
    if not found or name in review.objectives:
        return None
    first = {review.objective: review.objectives[review.objective]}
    return replace(review, objectives={**first, name: "minimize"})


def cost_of(review: Review) -> Callable[[TrialRow], float]:
    """What a trial costs: by the cost that is an objective, else by the one that `with_cost` finds.

    0 for all trials where none was measured; a trial that lacks it is dearer than all.
    """
    second = [name for name in list(review.objectives)[1:] if name.startswith("cost/")]
    if second:
        name, priced = second[0], review
    else:
        found = with_cost(review)
        if found is None:
            return lambda trial: 0.0
        name, priced = list(found.objectives)[1], found
    costs = {trial.number: trial.metric(name) for trial in priced.trials}
    return lambda trial: inf if (cost := costs.get(trial.number)) is None else cost


def has_cost(review: Review) -> bool:
    """Whether some cost tells trials apart."""
    cost = cost_of(review)
    return len({cost(trial) for trial in review.feasible}) > 1


def _timed(trial: TrialRow) -> TrialRow:
    return trial if trial.seconds is None else replace(trial, costs={**trial.costs, SECONDS: trial.seconds})
