"""A study: trials asked for within a budget, reported, and ended once, by all processes that share it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from math import isfinite, nan
from typing import Any

from elman.search.results.review import Review, State
from elman.search.space.definition import Search
from elman.search.space.space import Values
from elman.search.study import kept_study as stored
from elman.search.study import samplers
from elman.search.study.kept_study import KeptStudy
from elman.search.study.ownership import Ownership
from elman.search.study.same_study import refuse_another
from elman.search.study.trial_state import merged, row

WHY_CHARACTERS = 1000


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A trial that this process is to run.

    Args:
        number: of the trial.
        values: by label.
        run_id: its run in MLflow, if it has one already.
        seconds: it has run so far.
        again: it was begun before, and goes on.
    """

    number: int
    values: Values
    run_id: str | None
    seconds: float
    again: bool


class Study:
    """One study, which several processes may share. Every call is retried while its storage is unreachable.

    Args:
        search: what is searched.
        storage: of Optuna, as `open_storage` gives it.
        max_time_steps, val_every: of a trial, for its pruner.
        mutex: lets in one process at a time, of all that share the study.

    Raises:
        BadInput: if a study of this name is there that searches something else.
    """

    def __init__(
        self,
        search: Search,
        storage: Any,
        *,
        max_time_steps: int,
        val_every: int,
        mutex: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.search, self.settings = search, search.settings
        self.kept = KeptStudy(
            search.name,
            storage,
            directions=list(self.settings.objectives.values()),
            pruner=samplers.pruner(self.settings, max_time_steps=max_time_steps, val_every=val_every),
        )
        self.owners = Ownership(self.kept, mutex)
        refuse_another(search, self.kept)

    # Trials begin.

    def abandoned(self) -> Asked | None:
        """A trial that was begun and whose process is gone, now owned by this one; None: there is none."""
        number = self.owners.claim_abandoned()
        return None if number is None else self._asked(number, again=True)

    def ask(self) -> Asked | None:
        """A new trial; None: the budget of trials, or the grid, is spent."""
        if self._is_spent():
            return None
        number = self.kept.ask().number
        self.owners.own(number)
        most = len(self._grid) if self.settings.sampler == "grid" else self.settings.budget.trials
        if most is not None and sum(trial.number < number for trial in self._counted()) >= most:
            # Two machines asked for the last one at once.
            self.kept.note_trial(number, stored.SURPLUS, True)
            self.kept.end(number, self.kept.states.FAIL)
            return None
        return self._asked(number, again=False)

    def _asked(self, number: int, *, again: bool) -> Asked:
        space = self.search.space
        self.kept.study.once.sampler = samplers.sampler(self.settings, space, number=number)
        values = space.draw(self.kept.trial(number))
        known = self.kept.attributes(number)
        return Asked(
            number=number,
            values=values,
            run_id=known.get(stored.RUN),
            seconds=known.get(stored.SECONDS, 0.0),
            again=again,
        )

    def fill_grid(self) -> None:
        """Let every point of the grid wait for its turn, up to the budget; done by the process that leads."""
        for values in self._grid[len(self.kept.trials()) :]:  # the order of points never changes
            self.kept.study.enqueue_trial(values)

    @cached_property
    def _grid(self) -> list[Values]:
        """The points of the grid that the budget has room for; none where another sampler chooses."""
        return self.search.space.grid(self.settings.budget.trials) if self.settings.sampler == "grid" else []

    def _counted(self) -> list[Any]:
        """The trials that count towards the budget, those that wait included."""
        return [trial for trial in self.kept.trials() if not trial.user_attrs.get(stored.SURPLUS)]

    def _is_spent(self) -> bool:
        """Whether no other trial may begin."""
        budget, trials, waiting = self.settings.budget, self._counted(), self.kept.states.WAITING
        begun = [trial for trial in trials if trial.state != waiting]
        states = (trial.user_attrs.get(stored.TRIAL_STATE, {}) for trial in trials)
        return (
            (self.settings.sampler == "grid" and len(begun) == len(trials))
            or (budget.trials is not None and len(begun) >= budget.trials)
            or (
                budget.time_steps is not None
                and sum(state.get("time_steps", 0) for state in states) >= budget.time_steps
            )
            or (budget.hours is not None and self.hours >= budget.hours)
        )

    # Trials report and end.

    def report(self, number: int, *, time_steps: int, rung: int, metrics: Mapping[str, float]) -> bool:
        """Take the metrics of a validation; whether the trial should be pruned.

        Args:
            time_steps: seen by the trial.
            rung: the time step at which trials are compared.
            metrics: of validation and cost.
        """
        frozen = self.kept.trials()[number]
        state = merged(frozen.user_attrs.get(stored.TRIAL_STATE, {}), self.settings.objectives, metrics)
        state["time_steps"] = max(time_steps, state.get("time_steps", 0))
        value = metrics.get(self.search.first)
        if value is not None:
            state["curve"].setdefault(str(rung), value)
        self.kept.note_trial(number, stored.TRIAL_STATE, state)
        if len(self.settings.objectives) > 1 or value is None:
            return False
        trial = self.kept.trial(number)
        if rung not in frozen.intermediate_values:
            trial.report(value, step=rung)
        return bool(trial.should_prune())

    def complete(self, number: int) -> State:
        """The trial ran to its end; failed after all if a metric is missing or not finite."""
        state = self.kept.attributes(number).get(stored.TRIAL_STATE, {})
        best = state.get("best", {})
        for name in self.settings.objectives:
            if not isfinite(best.get(name, nan)):
                return self.fail(number, f"{name} was never a finite number")
        self._constrain(number, state)
        values = [best[name] for name in self.settings.objectives]
        self.kept.end(number, self.kept.states.COMPLETE, values)
        return "complete"

    def prune(self, number: int) -> State:
        """The trial was stopped because others were better at the same time step."""
        self._constrain(number, self.kept.attributes(number).get(stored.TRIAL_STATE, {}))
        self.kept.end(number, self.kept.states.PRUNED)
        return "pruned"

    def fail(self, number: int, why: str) -> State:
        """The trial could not come to its end; `why` in a line."""
        self.kept.note_trial(number, stored.WHY, why[:WHY_CHARACTERS])
        self.kept.end(number, self.kept.states.FAIL)
        return "failed"

    def _constrain(self, number: int, state: Mapping[str, Any]) -> None:
        trial = self.kept.trial(number)
        for name, limit in self.settings.constraints.items():
            value = state.get("last", {}).get(name)
            if value is not None and name not in trial.constraints:
                trial.set_constraint(name, value - limit)

    def crashed(self, number: int) -> int:
        """Count a crash of a trial's process; how many there were."""
        crashes = int(self.kept.attributes(number).get(stored.CRASHES, 0)) + 1
        self.kept.note_trial(number, stored.CRASHES, crashes)
        return crashes

    def why(self, number: int) -> str:
        """The reason that a trial failed."""
        return str(self.kept.attributes(number).get(stored.WHY, ""))

    def recipe(self, number: int) -> str:
        """A trial's finished recipe, as every machine that shares the study has it."""
        return str(self.kept.attributes(number).get(stored.RECIPE, ""))

    # The study as a whole.

    @property
    def has_succeeded(self) -> bool:
        """Whether some trial came to its end, or so far that it was pruned."""
        return bool(self.kept.trials(self.kept.states.COMPLETE, self.kept.states.PRUNED))

    @property
    def hours(self) -> float:
        """In which the search was at work, over all its starts."""
        return float(self.kept.notes().get(stored.HOURS, 0.0))

    def add_hours(self, hours: float) -> None:
        """Count time at work, once for all that share the study: by the process that leads."""
        if self.owners.lead():
            self.kept.note(stored.HOURS, self.hours + hours)

    def study_id(self) -> str:
        """Tells this study from others of the same name; made by the process that leads it."""
        known = self.kept.notes().get(stored.STUDY_ID)
        if known is None:
            known = uuid.uuid4().hex
            self.kept.note(stored.STUDY_ID, known)
        return str(known)

    @property
    def run_id(self) -> str | None:
        """The study's own run in MLflow."""
        return self.kept.notes().get(stored.STUDY_RUN)

    @run_id.setter
    def run_id(self, run_id: str) -> None:
        self.kept.note(stored.STUDY_RUN, run_id)

    def review(self, *, command: str) -> Review:
        """All trials as plain values."""
        return Review(
            name=self.search.name,
            question=self.search.question,
            command=command,
            experiment=self.search.base.config.tracking.experiment,
            dimensions=self.search.space.dimensions,
            objectives=dict(self.settings.objectives),
            constraints=dict(self.settings.constraints),
            sampler=self.settings.sampler,
            pruner=self.settings.pruner,
            budget=self.settings.budget.words(),
            trials=tuple(row(trial, self.search) for trial in self._counted()),
            hours=self.hours,
        )
