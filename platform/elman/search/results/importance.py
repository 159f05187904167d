"""Which values of the space decided how good a trial became."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from elman.search.results.review import Review
from elman.search.space.space import Choices, Dimension

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution

AT_LEAST = 5


def importance(review: Review) -> dict[str, float]:
    """Shares of the dimensions as sampled, largest first, summing to 1; empty where nothing can be said.

    How much the values of the best trials differ in their distribution from those of all complete trials.
    The best are a tenth, but at least `AT_LEAST` trials, at most half: two trials have no distribution.

    Cost: milliseconds, and the import of Optuna.

    Source: Watanabe, Bansal & Hutter (2023), "PED-ANOVA", IJCAI, as in Optuna, where a dimension that only
    some trials have is judged by those.
    """
    found = [t for t in review.complete if t.figure(review.objective) is not None]
    if len(found) < 4 or len({t.figure(review.objective) for t in found}) < 2:
        return {}
    import optuna

    share = min(0.5, max(0.1, AT_LEAST / len(found)))
    study = rebuilt(review)
    names = {name for trial in study.trials for name in trial.params}
    if not names:
        return {}
    with warnings.catch_warnings():
        # It warns of dimensions that few trials have; they come out small, which is what we want to say.
        warnings.simplefilter("ignore")
        evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=share)
        raw = evaluator.evaluate(study, params=sorted(names))
    total = sum(raw.values())
    if not total > 0:
        return {}
    return {name: raw[name] / total for name in sorted(raw, key=lambda n: (-raw[n], n))}


def rebuilt(review: Review) -> Study:
    """A study in memory with the complete trials, the first objective as its only one."""
    import optuna

    loud = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study(direction=review.objectives[review.objective])
    finally:
        optuna.logging.set_verbosity(loud)
    distributions = {d.label: found for d in review.dimensions if (found := distribution(d)) is not None}
    for trial in review.complete:
        value = trial.figure(review.objective)
        params = {
            label: given for label, given in trial.values.items() if _fits(distributions.get(label), given)
        }
        if value is not None:
            study.add_trial(
                optuna.trial.create_trial(
                    value=value,
                    params=params,
                    distributions={label: distributions[label] for label in params},
                )
            )
    return study


def distribution(dimension: Dimension) -> BaseDistribution | None:
    """As Optuna knows it; None for a dimension with one value only."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    values = dimension.values
    if isinstance(values, Choices):
        return CategoricalDistribution(choices=list(values.values)) if len(values.values) > 1 else None
    if values.low == values.high:
        return None
    if values.integer:
        return IntDistribution(
            low=int(values.low), high=int(values.high), log=values.log, step=int(values.step or 1)
        )
    return FloatDistribution(low=values.low, high=values.high, log=values.log, step=values.step)


def _fits(distribution: BaseDistribution | None, value: Any) -> bool:
    """Whether a trial that Optuna did not draw, or drew from an older space, lies in this one."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    if isinstance(distribution, IntDistribution | FloatDistribution):
        return isinstance(value, int | float) and distribution.low <= value <= distribution.high
    return False
