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
from elman.search.study.confirming import Confirming
from elman.search.study.kept_study import KeptStudy
from elman.search.study.ownership import Ownership
from elman.search.study.proposals import Ahead, key, tried
from elman.search.study.rungs import Rungs
from elman.search.study.same_study import refuse_another
from elman.search.study.trial_state import merged, row
from elman.search.study.warm_start import warm_trials

WHY_CHARACTERS = 1000
FIXED = "fixed_params"  # Optuna's word for the values of a trial that waits
REPEATED = 1_000_000  # between the recipe's seed and those of repeated points, beyond those that confirm


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A trial that this process is to run.

    Args:
        number: of the trial.
        values: by label.
        run_id: its run in MLflow, if it has one already.
        seconds: it has run so far.
        again: it was begun before, and goes on.
        seed: other than that of the recipe; None: that one.
        times: how many times as long as other trials it trains.
        confirms: the trial of which it is another run; None: it is a trial of its own.
    """

    number: int
    values: Values
    run_id: str | None
    seconds: float
    again: bool
    seed: int | None = None
    times: float = 1.0
    confirms: int | None = None


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
        pruner = samplers.pruner(self.settings, max_time_steps=max_time_steps, val_every=val_every)
        directions = list(self.settings.objectives.values())
        self.kept = KeptStudy(search.name, storage, directions=directions, pruner=pruner)
        self.rungs = Rungs(self.settings, self.kept, pruner)
        self.owners = Ownership(self.kept, mutex)
        refuse_another(search, self.kept)
        self.kept.name_objectives(list(self.settings.objectives))
        self.ahead = Ahead(self.settings, search.space, warm=warm_trials(search))
        self.confirming = Confirming(search, self.kept, self.owners, lambda: self.review(command=""))

    # Trials begin.

    def abandoned(self) -> Asked | None:
        """A trial that was begun and whose process is gone, now owned by this one; None: there is none."""
        number = self.owners.claim_abandoned()
        return None if number is None else self._asked(number, again=True)

    def ask(self) -> Asked | None:
        """A new trial, or once the budget of trials or the grid is spent a confirming run; None: none now."""
        if self._is_spent():
            return self._confirming_run()
        number = self.kept.ask().number
        self.owners.own(number)
        most = len(self._grid) if self.settings.sampler == "grid" else self.settings.budget.trials
        if most is not None and sum(trial.number < number for trial in self._counted()) >= most:
            # Two machines asked for the last one at once.
            self.kept.note_trial(number, stored.SURPLUS, True)
            self.kept.end(number, self.kept.states.FAIL)
            return None
        return self._asked(number, again=False)

    def _confirming_run(self) -> Asked | None:
        """The next one, once no trial runs any more."""
        running = self.kept.states.RUNNING
        if not self.confirming.runs or any(trial.state == running for trial in self._counted()):
            return None
        number = self.confirming.take()
        return None if number is None else self._asked(number, again=False)

    def _asked(self, number: int, *, again: bool) -> Asked:
        self.kept.study.once.sampler = samplers.fixed(
            self._proposed(number), seed=self.settings.seed + number
        )
        values = self.search.space.draw(self.kept.trial(number))
        if not again:
            for label in (products := self.search.space.with_products(values)).keys() - values.keys():
                self.kept.note_trial(number, label, products[label])  # k2, for who opens the storage itself
        self.ahead.prepare(number + 1, self._own())
        known = self.kept.attributes(number)
        return Asked(
            number=number,
            values=values,
            run_id=known.get(stored.RUN),
            seconds=known.get(stored.SECONDS, 0.0),
            again=again,
            seed=known.get(stored.SEED),
            times=self.settings.confirm.times if stored.CONFIRMS in known else 1.0,
            confirms=known.get(stored.CONFIRMS),
        )

    def _proposed(self, number: int) -> Values:
        """What the sampler wants a trial to be; nothing where its values stand already, or wait for it."""
        trials = self.kept.trials()
        if trials[number].params or FIXED in trials[number].system_attrs:
            return dict(trials[number].params)
        values = self.ahead.take(number, self._own())
        if self.settings.repeats and key(values) in tried(t for t in trials if t.number != number):
            self.kept.note_trial(number, stored.SEED, self.search.seed + REPEATED + number)
        return values

    def lay_out(self) -> None:
        """Let the points that come first, or those of the grid, wait for their turn, up to the budget.

        Done by the process that leads.
        """
        laid_out = sum(FIXED in trial.system_attrs for trial in self.kept.trials())
        for values in self.search.planned[laid_out:]:
            self.kept.study.enqueue_trial(values)
        for values in self._grid[len(self._own()) :]:  # the order of points never changes
            self.kept.study.enqueue_trial(values)

    @cached_property
    def _grid(self) -> list[Values]:
        """The points of the grid that the budget has room for; none where another sampler chooses."""
        return self.search.space.grid(self.settings.budget.trials) if self.settings.sampler == "grid" else []

    def _counted(self) -> list[Any]:
        """The trials that count towards the budget, those that wait included."""
        return [trial for trial in self._own() if not trial.user_attrs.get(stored.SURPLUS)]

    def _own(self) -> list[Any]:
        """All trials but the confirming runs."""
        return [trial for trial in self.kept.trials() if stored.CONFIRMS not in trial.user_attrs]

    def _is_spent(self) -> bool:
        """Whether no other trial may begin."""
        budget, trials, waiting = self.settings.budget, self._counted(), self.kept.states.WAITING
        begun = [trial for trial in trials if trial.state != waiting]
        states = (trial.user_attrs.get(stored.TRIAL_STATE, {}) for trial in trials)
        return (
            (self.settings.sampler == "grid" and len(begun) == len(trials))
            or self._is_exhausted(trials)
            or (budget.trials is not None and len(begun) >= budget.trials)
            or (
                budget.time_steps is not None
                and sum(state.get("time_steps", 0) for state in states) >= budget.time_steps
            )
            or (budget.hours is not None and self.hours >= budget.hours)
        )

    def _is_exhausted(self, trials: list[Any]) -> bool:
        """Whether every point of the space was tried and none waits."""
        if self._points is None or self.settings.repeats:
            return False
        waiting = any(trial.state == self.kept.states.WAITING for trial in trials)
        return not waiting and len(tried(trials)) >= self._points

    @cached_property
    def _points(self) -> int | None:
        """How many points the space has; None: endless."""
        found = self.search.space.points()
        return None if found is None else len(found)

    # Trials report and end.

    def report(self, number: int, *, time_steps: int, rung: int, metrics: Mapping[str, float]) -> bool:
        """Take the metrics of a validation; whether the trial should be pruned.

        Args:
            time_steps: seen by the trial.
            rung: the time step at which trials are compared.
            metrics: of validation and cost.
        """
        frozen = self.kept.trials()[number]
        known = frozen.user_attrs.get(stored.TRIAL_STATE, {})
        again = time_steps <= known.get("time_steps", -1)  # sent once more by a run that goes on
        state = (
            {**known}
            if again
            else merged(known, self.settings.objectives, metrics, value=self.settings.value)
        )
        state["time_steps"] = max(time_steps, state.get("time_steps", 0))
        value = metrics.get(self.search.first)
        if value is not None:
            state["curve"].setdefault(str(rung), value)
        self.kept.note_trial(number, stored.TRIAL_STATE, state)
        if value is None or stored.CONFIRMS in frozen.user_attrs:
            return False
        return self.rungs.ends(frozen, value, rung=rung, before=known, now=state)

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
        notes = self.kept.notes()
        kept = [trial for trial in self.kept.trials() if not trial.user_attrs.get(stored.SURPLUS)]
        rows = [row(trial, self.search) for trial in kept]
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
            trials=tuple(each for each in rows if each.confirms is None),
            confirmations=tuple(each for each in rows if each.confirms is not None),
            confirm_runs=self.settings.confirm.runs,
            confirm_budget=self.settings.confirm.times,
            points=self._points or 0,
            limits={name: n for name, n in vars(self.settings.budget).items() if n is not None},
            hours=float(notes.get(stored.HOURS, 0.0)),
            chance=notes.get(stored.CHANCE, {}),
        )
