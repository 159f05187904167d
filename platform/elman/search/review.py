"""What a study has found so far: its trials as plain values, for tables, pictures, notes and reports."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Any, Literal

from elman.search.space import Choices, Dimension, Range

State = Literal["waiting", "running", "complete", "pruned", "failed"]
Direction = Literal["minimize", "maximize"]


@dataclass(frozen=True, kw_only=True)
class TrialRow:
    """One trial.

    Args:
        number: from 0, as the study counts.
        values: by label, products included: k1, k2/k1 and k2; what does not apply is not there.
        objectives: best value so far by figure; of a trial that is pruned or runs, what was seen of it.
        constrained: figures that have a limit, as measured.
        curve: the first objective by time step.
        time_steps: seen in training.
        seconds: from its first start to its end, without pauses between.
        run_id: its run in MLflow.
        why: of a trial that failed: the reason in a line.
    """

    number: int
    state: State
    values: dict[str, Any]
    objectives: dict[str, float] = field(default_factory=dict)
    constrained: dict[str, float] = field(default_factory=dict)
    curve: dict[int, float] = field(default_factory=dict)
    time_steps: int = 0
    seconds: float | None = None
    run_id: str | None = None
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Review:
    """A study as its reader sees it.

    Args:
        name: of the study.
        question: the comment at the head of its file, without the command.
        command: that goes on with it, as typed.
        experiment: of MLflow.
        dimensions: of its space.
        objectives: direction by figure, the first is the one that curves show.
        constraints: largest value by figure.
        sampler, pruner: by name.
        budget: what ends it, in words: "24 trials".
        trials: all of them, by number.
        hours: in which at least one trial ran.
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

    @property
    def complete(self) -> list[TrialRow]:
        """Trials that ran to their end."""
        return [trial for trial in self.trials if trial.state == "complete"]

    @property
    def feasible(self) -> list[TrialRow]:
        """Those of them that kept within all limits."""
        return [trial for trial in self.complete if self.keeps_limits(trial)]

    def keeps_limits(self, trial: TrialRow) -> bool:
        return all(trial.constrained.get(name, 0.0) <= limit for name, limit in self.constraints.items())

    def best(self) -> TrialRow | None:
        """The feasible trial with the best first objective, of equal ones the first; None: there is none."""
        if not self.feasible:
            return None
        name = next(iter(self.objectives))
        return min(self.feasible, key=lambda t: (self._cost(name, t), t.number))

    def pareto(self) -> list[TrialRow]:
        """The feasible trials that no other beats in every objective, best in the first one first.

        Of trials with equal objectives the first is kept.
        """
        kept: list[TrialRow] = []
        for trial in self.feasible:
            mine = self._costs(trial)
            beaten = any(
                all(a <= b for a, b in zip(self._costs(other), mine, strict=True))
                and (self._costs(other) != mine or other.number < trial.number)
                for other in self.feasible
                if other.number != trial.number
            )
            if not beaten:
                kept.append(trial)
        return sorted(kept, key=lambda t: (*self._costs(t), t.number))

    def counts(self) -> dict[str, int]:
        """Trials by state."""
        found = dict.fromkeys(("complete", "pruned", "failed", "running", "waiting"), 0)
        for trial in self.trials:
            found[trial.state] += 1
        return found

    def _costs(self, trial: TrialRow) -> list[float]:
        return [self._cost(name, trial) for name in self.objectives]

    def _cost(self, name: str, trial: TrialRow) -> float:
        value = trial.objectives.get(name, float("inf"))
        return -value if self.objectives[name] == "maximize" and isfinite(value) else value

    def to_json(self) -> str:
        """All of it, for `from_json`."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> Review:
        """A review from what `to_json` wrote.

        Raises:
            ValueError: if the text is something else.
        """
        try:
            given = json.loads(text)
            dimensions = tuple(_dimension(each) for each in given.pop("dimensions"))
            trials = tuple(_trial(each) for each in given.pop("trials"))
            return cls(**given, dimensions=dimensions, trials=trials)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"this is no review of a study: {error}") from error


def _dimension(given: Mapping[str, Any]) -> Dimension:
    values = given["values"]
    # JSON has only text as keys, so choices travel as their words.
    kind: Range | Choices = Range(**values) if "low" in values else Choices(values=values["values"])
    return Dimension(**{**given, "values": kind})


def _trial(given: Mapping[str, Any]) -> TrialRow:
    curve = {int(step): value for step, value in given["curve"].items()}
    return TrialRow(**{**given, "curve": curve})
