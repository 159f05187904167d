"""A study: trials asked for within a budget, reported, and ended once, whoever shares it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property, partial
from math import isfinite
from typing import Any

from elman.search.results.review import Review, State
from elman.search.space.definition import Search
from elman.search.space.space import Values
from elman.search.study import samplers
from elman.search.study.kept_study import KeptStudy
from elman.search.study.ownership import Ownership
from elman.search.study.same_study import refuse_another
from elman.search.study.trial_state import RUN, SEEN, SPENT, WHY, merged, row

HOURS, STUDY_RUN, STUDY_ID = "elman:hours", "elman:run", "elman:id"
RECIPE, CRASHES, SURPLUS = "elman:recipe", "elman:crashes", "elman:surplus"
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
    run_id: str | None = None
    seconds: float = 0.0
    again: bool = False


class Study:
    """One study, which several processes may share. Every call waits for a storage that is away for a while.

    Args:
        search: what is searched.
        storage: of Optuna, as `open_storage` gives it.
        max_time_steps, val_every: of a trial, for its pruner.
        alone: lets in one process at a time, of all that share the study.

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
        alone: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        settings = search.settings
        self.search = search
        self.kept = KeptStudy(
            search.name,
            storage,
            directions=list(settings.objectives.values()),
            pruner=samplers.pruner(settings, max_time_steps=max_time_steps, val_every=val_every),
        )
        self.owners = Ownership(self.kept, alone)
        self._states = self.kept.states
        refuse_another(search, self.kept)

    # Trials.

    def abandoned(self) -> Asked | None:
        """A trial that was begun and whose process is gone, now owned by this one; None: there is none."""
        number = self.owners.claim_abandoned()
        return None if number is None else self._asked(number, again=True)

    def ask(self) -> Asked | None:
        """A new trial; None: the budget of trials, or the grid, is spent."""
        if not self._room():
            return None
        number = self.kept.ask().number
        self.owners.own(number)
        if self._beyond(number):  # two machines asked for the last one at once
            self.kept.note_trial(number, SURPLUS, True)
            self.kept.tell(number, self._states.FAIL)
            return None
        return self._asked(number, again=False)

    def _asked(self, number: int, *, again: bool) -> Asked:
        space, trial = self.search.space, self.kept.trial(number)
        self.kept.study.sampler = samplers.sampler(self.search.settings, space, number=number)
        values = self.kept.patiently(lambda: space.draw(trial), "choosing values")
        notes = self.kept.stored(number).user_attrs
        return Asked(
            number=number,
            values=values,
            run_id=notes.get(RUN),
            seconds=notes.get(SPENT, 0.0),
            again=again,
        )

    def fill_grid(self) -> None:
        """Let every point of the grid wait for its turn, up to the budget; done by who leads."""
        for values in self._grid[len(self.kept.trials()) :]:  # the order of points never changes
            enqueue = partial(self.kept.study.enqueue_trial, values)
            self.kept.patiently(enqueue, "laying out the grid")

    @cached_property
    def _grid(self) -> list[Values]:
        """The points of the grid that the budget has room for; none where another sampler chooses."""
        settings = self.search.settings
        return self.search.space.grid(settings.budget.trials) if settings.sampler == "grid" else []

    def _room(self) -> bool:
        """Whether another trial may begin."""
        budget, trials = self.search.settings.budget, self.kept.trials()
        if self.search.settings.sampler == "grid" and not any(
            trial.state == self._states.WAITING for trial in trials
        ):
            return False
        if budget.trials is not None:
            begun = [t for t in trials if t.state != self._states.WAITING and not t.user_attrs.get(SURPLUS)]
            if len(begun) >= budget.trials:
                return False
        if budget.time_steps is not None:
            seen = sum(trial.user_attrs.get(SEEN, {}).get("time_steps", 0) for trial in trials)
            if seen >= budget.time_steps:
                return False
        return budget.hours is None or self.hours < budget.hours

    def _beyond(self, number: int) -> bool:
        settings = self.search.settings
        budget = len(self._grid) if settings.sampler == "grid" else settings.budget.trials
        if budget is None:
            return False
        before = [t for t in self.kept.trials() if t.number < number and not t.user_attrs.get(SURPLUS)]
        return len(before) >= budget

    @property
    def hours(self) -> float:
        """In which the search was at work, over all its starts."""
        return float(self.kept.notes().get(HOURS, 0.0))

    @property
    def has_succeeded(self) -> bool:
        """Whether some trial came to its end, or so far that it was pruned."""
        return bool(self.kept.trials(self._states.COMPLETE, self._states.PRUNED))

    def add_hours(self, hours: float) -> None:
        """Count time at work, once for all that share the study: by who leads."""
        if self.owners.lead():
            self.kept.note(HOURS, self.hours + hours)

    def remember_run(self, number: int, run_id: str) -> None:
        """Keep the id of a trial's run in MLflow."""
        self.kept.note_trial(number, RUN, run_id)

    def remember_recipe(self, number: int, recipe: str) -> None:
        """Keep a trial's finished recipe, so that every machine that shares the study has it."""
        self.kept.note_trial(number, RECIPE, recipe)

    def recipe(self, number: int) -> str:
        """A trial's finished recipe."""
        return str(self.kept.stored(number).user_attrs.get(RECIPE, ""))

    def study_id(self) -> str:
        """What tells this study from others of the same name; made by who leads it."""
        known = self.kept.notes().get(STUDY_ID)
        if known is None:
            known = uuid.uuid4().hex
            self.kept.note(STUDY_ID, known)
        return str(known)

    @property
    def run_id(self) -> str | None:
        """The study's own run in MLflow."""
        return self.kept.notes().get(STUDY_RUN)

    @run_id.setter
    def run_id(self, run_id: str) -> None:
        self.kept.note(STUDY_RUN, run_id)

    def report(self, number: int, *, time_steps: int, rung: int, figures: Mapping[str, float]) -> bool:
        """Take the figures of a validation; whether the trial should be pruned.

        Args:
            time_steps: seen by the trial.
            rung: the time step at which trials are compared.
            figures: of validation and cost.
        """
        trial = self.kept.stored(number)
        seen = merged(trial.user_attrs.get(SEEN, {}), self.search.settings.objectives, figures)
        seen["time_steps"] = max(time_steps, seen.get("time_steps", 0))
        value = figures.get(self.search.first)
        if value is not None and str(rung) not in seen["curve"]:
            seen["curve"][str(rung)] = value
        self.kept.note_trial(number, SEEN, seen)
        if len(self.search.settings.objectives) > 1 or value is None:
            return False
        mine = self.kept.trial(number)
        if rung not in trial.intermediate_values:
            self.kept.patiently(lambda: mine.report(value, step=rung), "reporting")
        return bool(self.kept.patiently(mine.should_prune, "asking about pruning"))

    def crashed(self, number: int) -> int:
        """Count a crash of a trial's process; how many there were."""
        crashes = int(self.kept.stored(number).user_attrs.get(CRASHES, 0)) + 1
        self.kept.note_trial(number, CRASHES, crashes)
        return crashes

    def spend(self, number: int, seconds: float) -> None:
        """Keep how long a trial has run in all."""
        self.kept.note_trial(number, SPENT, seconds)

    def complete(self, number: int) -> State:
        """The trial ran to its end; failed after all if a figure is missing or not finite."""
        seen = self.kept.stored(number).user_attrs.get(SEEN, {})
        best = seen.get("best", {})
        for name in self.search.settings.objectives:
            if not isfinite(best.get(name, float("nan"))):
                return self.fail(number, f"{name} was never a finite number")
        self._constrain(number, seen)
        self.kept.tell(
            number, self._states.COMPLETE, [best[name] for name in self.search.settings.objectives]
        )
        return "complete"

    def prune(self, number: int) -> State:
        """The trial was stopped because others were better at the same time step."""
        self._constrain(number, self.kept.stored(number).user_attrs.get(SEEN, {}))
        self.kept.tell(number, self._states.PRUNED)
        return "pruned"

    def fail(self, number: int, why: str) -> State:
        """The trial could not come to its end; `why` in a line."""
        self.kept.note_trial(number, WHY, why[:WHY_CHARACTERS])
        self.kept.tell(number, self._states.FAIL)
        return "failed"

    def why(self, number: int) -> str:
        """The reason that a trial failed."""
        return str(self.kept.stored(number).user_attrs.get(WHY, ""))

    def _constrain(self, number: int, seen: Mapping[str, Any]) -> None:
        trial = self.kept.trial(number)
        for name, limit in self.search.settings.constraints.items():
            value = seen.get("last", {}).get(name)
            if value is not None and name not in trial.constraints:
                self.kept.patiently(partial(trial.set_constraint, name, value - limit), "constraining")

    # What there is.

    def review(self, *, command: str) -> Review:
        """All trials as plain values."""
        settings = self.search.settings
        return Review(
            name=self.search.name,
            question=self.search.question,
            command=command,
            experiment=self.search.base.config.tracking.experiment,
            dimensions=self.search.space.dimensions,
            objectives=dict(settings.objectives),
            constraints=dict(settings.constraints),
            sampler=settings.sampler,
            pruner=settings.pruner,
            budget=settings.budget.words(),
            trials=tuple(row(t, self.search) for t in self.kept.trials() if not t.user_attrs.get(SURPLUS)),
            hours=self.hours,
        )
