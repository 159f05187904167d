"""What a study has found so far: its trials as plain values, for tables, pictures, notes and reports."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from math import inf, isfinite
from typing import Any, Literal, get_args

from elman.search.results.front import front
from elman.search.space.settings import Direction
from elman.search.space.space import Choices, Dimension, Range

State = Literal["waiting", "running", "complete", "pruned", "failed"]
ENDED = ("complete", "pruned", "failed")
NUMBERS = ("number", "time_steps", "seconds", "hours", "seed", "confirms")
NUMBERS_OF_A_STUDY = ("confirm_runs", "confirm_budget", "points")
TEXTS = ("name", "question", "command", "experiment", "sampler", "pruner", "budget", "run_id", "why")
NUMBERS_BY_NAME = ("constraints", "constrained", "costs", "curve", "chance", "limits")


@dataclass(frozen=True, kw_only=True)
class TrialRow:
    """One trial.

    Args:
        number: from 0, as the study counts.
        values: by label, products included: k1, k2/k1 and k2; what does not apply is not there.
        objectives: best value so far by metric, also of a trial that is pruned or runs.
        constrained: metrics that have a limit, as measured.
        costs: what it cost by metric, as far as that was measured: `cost/core_steps_per_step`.
        curve: the first objective by time step.
        time_steps: seen in training.
        seconds: from its first start to its end, without pauses between.
        run_id: its run in MLflow.
        why: of a trial that failed: the reason in a line.
        seed: other than that of the recipe; None: that one.
        confirms: the trial of which this is another run, with a seed of its own.
    """

    number: int
    state: State
    values: dict[str, Any]
    objectives: dict[str, float] = field(default_factory=dict)
    constrained: dict[str, float] = field(default_factory=dict)
    costs: dict[str, float] = field(default_factory=dict)
    curve: dict[int, float] = field(default_factory=dict)
    time_steps: int = 0
    seconds: float | None = None
    run_id: str | None = None
    why: str = ""
    seed: int | None = None
    confirms: int | None = None

    def metric(self, name: str) -> float | None:
        """What was measured under this name, wherever it is kept; None: nothing that is a number."""
        for kept in (self.objectives, self.constrained, self.costs):
            if name in kept:
                return kept[name] if isfinite(kept[name]) else None
        return None

    def measured(self, name: str) -> float:
        """The same, of a trial that is known to have it."""
        value = self.metric(name)
        if value is None:
            raise KeyError(f"trial {self.number} has no {name}")
        return value


@dataclass(frozen=True, kw_only=True)
class Review:
    """A study as plain values.

    Args:
        name: of the study.
        question: the comment at the head of its file, without the command.
        command: that goes on with it, as typed.
        experiment: of MLflow.
        dimensions: of its space.
        objectives: direction by metric, the first is the one that curves show.
        constraints: largest value by metric.
        sampler, pruner: by name.
        budget: what ends it, in words: "24 trials".
        trials: all of them, by number.
        hours: in which at least one trial ran.
        chance: what a network reaches that has learned nothing, by metric, where that is known.
        confirmations: runs of some of the trials with new seeds, by number; they are no trials.
        confirm_runs: how many of them there will be.
        limits: what ends it, by trials, time_steps and hours.
        points: of the space; 0: endless many, or too many to be tried.
        confirm_budget: how many times as long as a trial each trains.

    Raises:
        ValueError: if it has no objective, or one with no direction.
    """

    name: str
    question: str
    command: str
    experiment: str
    dimensions: tuple[Dimension, ...]
    objectives: dict[str, Direction]
    constraints: dict[str, float] = field(default_factory=dict)
    sampler: str = "TPE"
    pruner: str = "none"
    budget: str = ""
    trials: tuple[TrialRow, ...] = ()
    hours: float = 0.0
    chance: dict[str, float] = field(default_factory=dict)
    confirmations: tuple[TrialRow, ...] = ()
    confirm_runs: int = 0
    confirm_budget: float = 1.0
    points: int = 0
    limits: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.objectives:
            raise ValueError("objectives must name at least one metric, got none")
        for name, direction in self.objectives.items():
            if direction not in ("minimize", "maximize"):
                raise ValueError(f"objectives: {name} must be 'minimize' or 'maximize', got {direction!r}")

    @property
    def objective(self) -> str:
        """The first of the objectives."""
        return next(iter(self.objectives))

    # A review never changes, so what is counted over all its trials is counted once.

    @cached_property
    def memo(self) -> dict[str, Any]:
        """What functions have worked out from it, each under its own name."""
        return {}

    @cached_property
    def complete(self) -> list[TrialRow]:
        """Trials that ran to their end."""
        return [trial for trial in self.trials if trial.state == "complete"]

    @cached_property
    def feasible(self) -> list[TrialRow]:
        """Those of them that kept within all limits."""
        return [trial for trial in self.complete if self.keeps_limits(trial)]

    @cached_property
    def ended(self) -> list[TrialRow]:
        """Trials that have come to an end, whichever it was."""
        return [trial for trial in self.trials if trial.state in ENDED]

    @cached_property
    def present(self) -> frozenset[str]:
        """The labels that some trial has a value for."""
        return frozenset(label for trial in self.trials for label in trial.values)

    def keeps_limits(self, trial: TrialRow) -> bool:
        """Whether no metric is above its limit; one that was not measured is not."""
        return all(trial.constrained.get(name, -inf) <= limit for name, limit in self.constraints.items())

    def ranked(self) -> list[TrialRow]:
        """Feasible trials that have the first objective, best first, of equal ones the first first."""
        return list(self._ranked)

    @cached_property
    def _ranked(self) -> list[TrialRow]:
        found = [trial for trial in self.feasible if trial.metric(self.objective) is not None]
        return sorted(found, key=lambda t: (self._cost(self.objective, t), t.number))

    def best(self) -> TrialRow | None:
        """The feasible trial with the best first objective, of equal ones the first; None: there is none."""
        return next(iter(self._ranked), None)

    def pareto(self) -> list[TrialRow]:
        """The feasible trials that no other beats in every objective, best in the first one first.

        Of trials with equal objectives the first is kept. Trials that lack an objective are left out.
        """
        return list(self._front)

    @cached_property
    def _front(self) -> list[TrialRow]:
        found = [t for t in self.feasible if all(t.metric(name) is not None for name in self.objectives)]
        found.sort(key=lambda t: t.number)
        return [found[i] for i in front([self._costs(trial) for trial in found])]

    def counts(self) -> dict[str, int]:
        """Trials by state."""
        found = dict.fromkeys((*ENDED, "running", "waiting"), 0)
        for trial in self.trials:
            found[trial.state] += 1
        return found

    def _costs(self, trial: TrialRow) -> list[float]:
        return [self._cost(name, trial) for name in self.objectives]

    def _cost(self, name: str, trial: TrialRow) -> float:
        """The metric, less being better; what is no number is worse than all."""
        value = trial.metric(name)
        if value is None:
            return inf
        return -value if self.objectives[name] == "maximize" else value

    def to_json(self) -> str:
        """All of it, for `from_json`."""
        given = asdict(self)
        for dimension in given["dimensions"]:
            # JSON has only text as keys, and 2 must not come back as "2": choices travel as pairs.
            if "low" not in dimension["values"]:
                dimension["values"] = {"values": list(dimension["values"]["values"].items())}
        return json.dumps(given)

    @classmethod
    def from_json(cls, text: str) -> Review:
        """A review from what `to_json` wrote.

        Raises:
            ValueError: if the text is something else.
        """
        try:
            given = json.loads(text)
            dimensions = tuple(_dimension(each) for each in given.pop("dimensions"))
            trials, confirmations = (
                tuple(_trial(each) for each in given.pop(key, ())) for key in ("trials", "confirmations")
            )
            _check(given, "the study")
            return cls(**given, dimensions=dimensions, trials=trials, confirmations=confirmations)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"this is no review of a study: {error}") from error


def _dimension(given: Mapping[str, Any]) -> Dimension:
    values = given["values"]
    for key in ("low", "high", "step"):
        if not isinstance(values.get(key) or 0, int | float):
            raise ValueError(f"dimension {given['label']!r}: {key} must be a number, got {values[key]!r}")
    kind: Range | Choices = Range(**values) if "low" in values else Choices(values=dict(values["values"]))
    return Dimension(**{**given, "values": kind})


def _trial(given: Mapping[str, Any]) -> TrialRow:
    name = f"trial {given['number']!r}"
    _check(given, name, by_name=("objectives", *NUMBERS_BY_NAME))
    if given["state"] not in get_args(State):
        raise ValueError(f"{name}: state must be one of {', '.join(get_args(State))}, got {given['state']!r}")
    curve = {int(step): value for step, value in given["curve"].items()}
    return TrialRow(**{**given, "curve": curve})


def _check(given: Mapping[str, Any], owner: str, *, by_name: Sequence[str] = NUMBERS_BY_NAME) -> None:
    """Refuse a text where tables and pages reckon with a number.

    Args:
        by_name: keys that hold numbers by name.
    """
    numbers = [(key, given[key]) for key in (*NUMBERS, *NUMBERS_OF_A_STUDY) if given.get(key) is not None]
    numbers += [(f"{key}.{name}", value) for key in by_name for name, value in given.get(key, {}).items()]
    for key in TEXTS:
        if not isinstance(given.get(key) or "", str):
            raise ValueError(f"{owner}: {key} must be a text, got {given[key]!r}")
    for key, number in numbers:
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise ValueError(f"{owner}: {key} must be a number, got {number!r}")
