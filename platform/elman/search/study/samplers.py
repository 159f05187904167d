"""Samplers and pruners of Optuna, by the names that a search's file uses."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from elman.search.space.settings import Settings
from elman.search.space.space import Space, Values


def fixed(values: Values, *, seed: int) -> Any:
    """A sampler that draws these values, and others at random."""
    from optuna import samplers

    with warnings.catch_warnings(action="ignore"):  # Optuna's "experimental"
        return samplers.PartialFixedSampler(dict(values), samplers.RandomSampler(seed=seed))


def sampler(settings: Settings, space: Space, *, number: int) -> Any:
    """How the values of trial `number` are chosen.

    Each trial has a sampler of its own, whose seed follows from the search's and the trial's number. So a
    search that was stopped does not draw again what it has tried, machines that share a study do not draw
    the same, and the same seed and results give the same values.

    Where some dimensions apply only to some trials, TPE models each group of dimensions that occur together
    (Optuna calls that experimental); the Gaussian process chooses the dimensions that all trials have, and
    TPE the others.
    """
    from optuna import samplers

    seed = int(np.random.SeedSequence([settings.seed, number]).generate_state(1)[0])
    if settings.sampler in ("random", "grid"):  # the points of a grid wait in the study
        return samplers.RandomSampler(seed=seed)
    with warnings.catch_warnings(action="ignore"):  # Optuna's "experimental"
        tpe = samplers.TPESampler(
            seed=seed,
            n_startup_trials=settings.startup_trials,
            multivariate=True,
            group=space.conditional,
        )
        if settings.sampler == "TPE":
            return tpe
        return samplers.GPSampler(
            seed=seed,
            n_startup_trials=settings.startup_trials,
            independent_sampler=tpe,
            warn_independent_sampling=False,
        )


def pruner(settings: Settings, *, max_time_steps: int, val_every: int) -> Any:
    """Which trials end early; resources are time steps.

    Args:
        max_time_steps: budget of a trial.
        val_every: time steps between its validations.
    """
    from optuna import pruners

    if settings.pruner == "median":
        return pruners.MedianPruner(
            n_startup_trials=settings.prune_after,
            n_warmup_steps=(settings.prune_from or 0) if settings.rungs == "time_steps" else 0,
        )
    if settings.pruner == "hyperband":
        return pruners.HyperbandPruner(
            min_resource=max(1, settings.prune_from or val_every), max_resource=max_time_steps
        )
    return pruners.NopPruner()
