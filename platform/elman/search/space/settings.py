"""The blocks of a search's file, and what they may hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite, nan
from typing import Any, Literal

LEAST_CONFIRMING = 9
LONGEST = 1000  # budgets of a trial

Direction = Literal["minimize", "maximize"]


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What ends a search; the first that is spent does. Trials that run are let to their end.

    Args:
        trials: finished, pruned ones and failures included.
        time_steps: seen in training by all trials together.
        hours: in which the search is at work, over all its starts.

    Raises:
        ValueError: for a value that is not positive.
    """

    trials: int | None = None
    time_steps: int | None = None
    hours: float | None = None

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None and not (value > 0 and isfinite(value)):
                raise ValueError(f"budget.{name} must be positive, got {value}")

    def words(self) -> str:
        """`24 trials or 2 hours`."""
        parts = [
            f"{value:,} {name.replace('_', ' ')}" for name, value in vars(self).items() if value is not None
        ]
        return " or ".join(parts)


@dataclass(frozen=True, kw_only=True)
class Confirm:
    """Runs of some of the trials with new seeds, after the trials: they measure what a search concludes.

    Args:
        runs: of all; 25 tell the cheapest of equals in nine studies of ten. 0: none.
        budget: how many times as long as a trial each trains: 4, or 4x.

    Raises:
        ValueError: for fewer than 9 runs, of which the noise is measured, and for a budget below 1.
    """

    runs: int = 0
    budget: float | str = 1.0

    def __post_init__(self) -> None:
        if self.runs < 0 or 0 < self.runs < LEAST_CONFIRMING:
            raise ValueError(
                f"confirm.runs must be at least {LEAST_CONFIRMING}, three of each of the three best, or 0 "
                f"for none, got {self.runs}"
            )
        if not self.times >= 1 or self.times > LONGEST:
            raise ValueError(
                f"confirm.budget is how many times as long as a trial a run trains, 1 to {LONGEST}, written "
                f"as 4 or 4x, got {self.budget!r}"
            )

    @property
    def times(self) -> float:
        """The budget as a number; not a number where it is none."""
        try:
            return float(str(self.budget).removesuffix("x"))
        except ValueError:
            return nan


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The blocks of a search's file.

    Args:
        recipe: the file of the base recipe, or several that are merged; paths count from this file.
        fixed: values of the base that are other for all trials, by their place: `trainer.max_time_steps`.
        space: what is tried, by its place in the recipe. A list names choices. `{low: 5, high: 80,
            log: true}` is a range, of whole numbers where both ends are; `step` is between its points.
            `{times: model.bptt.k1, low: 1, high: 4}` is a multiple of another value.
        objectives: metrics of validation or cost and whether each is to `minimize` or `maximize`; the first
            decides on pruning. With several, the search approximates the Pareto front.
        constraints: the largest value of a cost that a trial may have to count as good.
        budget: what ends the search.
        confirm: what is run after the trials, with new seeds, so that the answer is measured and no guess.
        value: what counts of a trial: its best validation, its last one, or the best mean of three in a row
            (smoothed), by the first objective.
        sampler: how values are chosen: TPE, GP (a Gaussian process), random, or grid (every point once).
        seed: of the sampler.
        startup_trials: trials at random before TPE or GP begin.
        pruner: which trials end early, by the first objective: none, median (worse than the median of the
            others at the same rung), or hyperband.
        rungs: what trials have spent where they are compared for that: time_steps, core_steps or seconds.
        prune_from: how many of them before which no trial is pruned; null: from its first validation on.
        prune_after: finished trials before the median counts.
        first: points that are tried before the sampler begins, each as values by their places in the recipe
            or their short names: `{k1: 20, k2/k1: 3}`. What one leaves out is drawn at random.
        warm_start: another study with the same space and objectives, by its name or its folder: the sampler
            learns from its trials before the first one of this study.
        repeats: a point may be tried again, with a new seed; else none is tried twice, and the search ends
            when every point of its space was tried.
        retries: how often a trial whose process crashed goes on from its checkpoint.
        name: of the study; null: the file's folder and name.

    Raises:
        ValueError: for a value out of range.
    """

    recipe: str | list[str]
    space: dict[str, Any]
    objectives: dict[str, Direction]
    fixed: dict[str, Any] = field(default_factory=dict)
    constraints: dict[str, float] = field(default_factory=dict)
    budget: Budget = Budget()
    confirm: Confirm = Confirm()
    value: Literal["best", "last", "smoothed"] = "best"
    sampler: Literal["TPE", "GP", "random", "grid"] = "TPE"
    seed: int = 1
    startup_trials: int = 10
    pruner: Literal["none", "median", "hyperband"] = "none"
    rungs: Literal["time_steps", "core_steps", "seconds"] = "time_steps"
    prune_from: int | None = None
    prune_after: int = 5
    first: list[dict[str, Any]] = field(default_factory=list)
    warm_start: str | None = None
    repeats: bool = False
    retries: int = 2
    name: str | None = None

    def __post_init__(self) -> None:
        for name in ("space", "objectives"):
            if not getattr(self, name):
                raise ValueError(f"{name} must name at least one, got none")
        for name in ("seed", "startup_trials", "prune_after", "retries"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0, got {getattr(self, name)}")
        if self.prune_from is not None and self.prune_from < 0:
            raise ValueError(f"prune_from counts what rungs do and must be at least 0, got {self.prune_from}")
        if self.name is not None and not self.name.strip("./ "):
            raise ValueError(f"name must be a name, got {self.name!r}")
        both = set(self.fixed) & set(self.space)
        if both:
            raise ValueError(f"{min(both)} is both fixed and in the space; keep one")
        self._refuse_pruner()
        if self.warm_start and self.sampler in ("random", "grid"):
            raise ValueError(f"sampler={self.sampler} learns from no trials, so warm_start must be left out")
        if self.first and self.sampler == "grid":
            raise ValueError("sampler=grid tries the points in its own order, so first must be empty")
        if self.repeats and self.sampler == "grid":
            raise ValueError("sampler=grid tries every point once, so repeats must be false")
        if self.budget == Budget() and self.sampler != "grid":
            raise ValueError("nothing ends this search: set budget.trials, budget.time_steps or budget.hours")

    def _refuse_pruner(self) -> None:
        """Pruning compares the first objective at equal cost, which other metrics of validation are not."""
        others = list(self.objectives)[1:]
        if self.pruner == "none" or not (others or self.rungs != "time_steps"):
            return
        if not all(name.startswith("cost/") for name in others):
            raise ValueError(
                f"pruner={self.pruner} compares {next(iter(self.objectives))}, but {others[0]} is to be good "
                "too; set pruner: none, or keep one objective beside costs"
            )
        if self.pruner == "hyperband" and self.rungs != "time_steps":
            raise ValueError(
                f"pruner=hyperband counts rungs in time steps, got rungs={self.rungs}; leave rungs out, or "
                "set pruner: median"
            )

    @property
    def recipes(self) -> list[str]:
        return [self.recipe] if isinstance(self.recipe, str) else list(self.recipe)
