"""Which values of the space decided how good a trial became."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from elman.search.results.review import Review

if TYPE_CHECKING:
    from optuna import Study

AT_LEAST = 5


def importance(review: Review) -> dict[str, float]:
    """Shares of the dimensions as sampled, largest first, summing to 1; empty where there are too few trials.

    How much the values of the best trials differ in their distribution from those of all complete trials.
    The best are a tenth, but at least `AT_LEAST` trials, at most half: two trials have no distribution.

    Cost: milliseconds, and the import of Optuna.

    Source: Watanabe, Bansal & Hutter (2023), "PED-ANOVA", IJCAI, as in Optuna, where a dimension that only
    some trials have is judged by those.
    """
    found = [t for t in review.complete if t.metric(review.objective) is not None]
    if len(found) < 4 or len({t.metric(review.objective) for t in found}) < 2:
        return {}
    import optuna

    share = min(0.5, max(0.1, AT_LEAST / len(found)))
    study = rebuilt(review)
    names = {name for trial in study.trials for name in trial.params}
    if not names:
        return {}
    with warnings.catch_warnings():
        # It warns of dimensions that few trials have; they come out small, as they should.
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

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study(direction=review.objectives[review.objective])
    finally:
        optuna.logging.set_verbosity(verbosity)
    varied = [dimension for dimension in review.dimensions if len(dimension.values.ends) > 1]
    for trial in review.complete:
        value = trial.metric(review.objective)
        fixed = optuna.trial.FixedTrial(trial.values)
        for dimension in varied:
            # A trial that Optuna did not draw, or drew from an older space, may lie outside of this one.
            if trial.values.get(dimension.label) in dimension.values:
                dimension.suggested(fixed)
        if value is not None:
            study.add_trial(
                optuna.trial.create_trial(
                    value=value,
                    params={label: trial.values[label] for label in fixed.distributions},
                    distributions=fixed.distributions,
                )
            )
    return study
