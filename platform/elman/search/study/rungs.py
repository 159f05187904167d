"""Whether a trial ends early: compared with others by the first objective, where they have cost as much."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, log
from typing import Any

from elman.search.space.settings import Settings
from elman.search.study.kept_study import KeptStudy

LEVEL = 1.25  # between two rungs in core steps or seconds, which trials reach at odd places
OFFSET = 100  # levels below 1


class Rungs:
    """Reports the first objective at each rung, and asks the pruner.

    Rungs in time steps are those of the validations. In core steps or seconds validations of trials do not
    coincide, so rungs are powers of 1.25, and a trial has at each the value of its first validation from
    there on.

    Args:
        settings: of the search.
        kept: the study.
        pruner: of Optuna.
    """

    def __init__(self, settings: Settings, kept: KeptStudy, pruner: Any) -> None:
        self.settings, self.kept, self.pruner = settings, kept, pruner
        self._first: Any = None

    def ends(
        self, frozen: Any, value: float, *, rung: int, before: Mapping[str, Any], now: Mapping[str, Any]
    ) -> bool:
        """Whether a trial should end with this validation.

        Args:
            frozen: the trial as it was stored before.
            value: of the first objective.
            rung: of the validation, in time steps.
            before, now: its state before and with this validation.
        """
        if self.settings.pruner == "none":
            return False
        rungs = [rung]
        if self.settings.rungs != "time_steps":
            position = self._position(now)
            rungs = levels(self._position(before), position)
            if position < (self.settings.prune_from or 0):
                rungs = []
        storage, trial_id = self.kept.storage, self.kept.trial_id(frozen.number)
        new = [each for each in rungs if each not in frozen.intermediate_values]
        for each in new:
            storage.set_trial_intermediate_value(trial_id, each, value)
        if not new and self.settings.rungs != "time_steps":
            return False
        return bool(self.pruner.prune(self._by_first(), storage.get_trial(trial_id)))

    def _position(self, state: Mapping[str, Any]) -> float:
        """What a trial has cost so far, in the unit of the rungs."""
        last = state.get("last", {})
        if self.settings.rungs == "seconds":
            return float(last.get("cost/seconds", 0.0))
        return float(state.get("time_steps", 0) * last.get("cost/core_steps_per_step", 0.0))

    def _by_first(self) -> Any:
        """The study as if its first objective were its only one."""
        if self._first is None:
            storage = FirstObjective(self.kept.storage.once)
            self._first = self.kept.optuna.Study(self.kept.name, storage, pruner=self.pruner)  # type: ignore[attr-defined]
        return self._first


class FirstObjective:
    """A storage whose studies have their first objective alone, also those that a pruner makes of them.

    Args:
        storage: of Optuna.
    """

    def __init__(self, storage: Any) -> None:
        self._storage = storage

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def get_study_directions(self, study_id: int) -> list[Any]:
        """The first of them."""
        return list(self._storage.get_study_directions(study_id)[:1])


def levels(before: float, now: float) -> list[int]:
    """The rungs from `before`, not included, to `now`: numbers of powers of 1.25."""
    if now <= 0:
        return []
    last = floor(log(now) / log(LEVEL) + 1e-9)
    first = floor(log(before) / log(LEVEL) + 1e-9) + 1 if before > 0 else last
    return [number + OFFSET for number in range(first, last + 1)]
