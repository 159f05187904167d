"""Optuna's study in its storage: trials by number, attributes by name, calls retried in an outage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from elman.tracking.retry import retry

# The attributes of a study. Stored names stay as they are: studies that were begun with them go on.
IDENTITY, STUDY_ID, STUDY_RUN, HOURS = "elman:identity", "elman:id", "elman:run", "elman:hours"
CHANCE = "elman:chance"  # what has learned nothing reaches, by metric
BASE, DATA = "elman:base", "elman:data"  # the base recipe by option, and the digest of its data
LEADER, BEAT = "elman:leader", "elman:beat:"
# The attributes of a trial.
OWNER = "elman:owner"  # the process that runs it; empty: none, and any may go on with it
TRIAL_STATE, RECIPE, RUN, SECONDS = "elman:seen", "elman:recipe", "elman:run", "elman:seconds"
WHY, CRASHES, SURPLUS = "elman:why", "elman:crashes", "elman:surplus"
CONFIRMS, SEED = "elman:confirms", "elman:seed"  # the trial that it runs again; other than the recipe's


class Retrying:
    """A study or a trial of Optuna whose calls are retried while the storage is unreachable.

    Args:
        once: the object itself, for calls that are retried as a group.
    """

    def __init__(self, once: Any) -> None:
        self.once = once

    def __getattr__(self, name: str) -> Any:
        what = f"{name} of the study"
        found = retry(lambda: getattr(self.once, name), what=what)
        if not callable(found):
            return found
        return lambda *args, **named: retry(lambda: found(*args, **named), what=what)


def is_kept(storage: Any, name: str) -> bool:
    """Whether a storage has a study of this name."""
    try:
        Retrying(storage).get_study_id_from_name(name)
    except KeyError:
        return False
    return True


class KeptStudy:
    """One study of a storage, made when it is not there.

    Args:
        name: of the study.
        storage: of Optuna.
        directions: minimize or maximize, for each objective.
        pruner: of Optuna.
    """

    def __init__(self, name: str, storage: Any, *, directions: list[Any], pruner: Any) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.name, self.storage, self.optuna = name, Retrying(storage), optuna
        self.states = optuna.trial.TrialState
        self.study = Retrying(
            Retrying(optuna).create_study(
                study_name=name, storage=storage, directions=directions, pruner=pruner, load_if_exists=True
            )
        )
        self._open: dict[int, Retrying] = {}

    # Trials.

    def ask(self) -> Any:
        """A new trial, or one that waits."""
        trial = Retrying(self.study.ask())
        self._open[trial.number] = trial
        return trial

    def add(self, params: Mapping[str, Any], distributions: Any, attributes: Mapping[str, Any]) -> int:
        """A trial that runs from now on, with values that nobody has to choose; its number.

        Made in one step, and so with its owner. Not retried: the caller holds the mutex.
        """
        template = self.optuna.trial.create_trial(
            state=self.states.RUNNING,
            params=dict(params),
            distributions=distributions,
            user_attrs=dict(attributes),
        )
        storage = self.storage.once
        study_id = storage.get_study_id_from_name(self.name)
        trial_id = storage.create_new_trial(study_id, template_trial=template)
        return int(storage.get_trial(trial_id).number)

    def trial(self, number: int) -> Any:
        """A trial, to write to."""
        if number not in self._open:
            trial = self.optuna.trial.Trial(self.study.once, self.trial_id(number))
            self._open[number] = Retrying(trial)
        return self._open[number]

    def trial_id(self, number: int) -> int:
        """The storage's id of a trial."""
        study_id = self.storage.get_study_id_from_name(self.name)
        return int(self.storage.get_trial_id_from_study_id_trial_number(study_id, number))

    def trials(self, *states: Any) -> list[Any]:
        """All trials as they are stored now, or those in some states, by number."""
        return list(self.study.get_trials(deepcopy=False, states=states or None))

    def attributes(self, number: int) -> dict[str, Any]:
        """The attributes of a trial as they are stored now."""
        return dict(self.trials()[number].user_attrs)

    def note_trial(self, number: int, key: str, value: Any) -> None:
        """Store an attribute of a trial."""
        self.trial(number).set_user_attr(key, value)

    def end(self, number: int, state: Any, values: list[float] | None = None) -> None:
        """End a trial; what has ended already stays as it is."""
        self.study.tell(number, values, state=state, skip_if_finished=True)
        self.forget(number)

    def forget(self, number: int) -> None:
        """Another process may write to a trial from now on."""
        self._open.pop(number, None)

    def is_open(self, number: int) -> bool:
        """Whether this process writes to a trial."""
        return number in self._open

    # The study.

    def name_objectives(self, names: list[str]) -> None:
        """Say what the objectives are called, for whoever opens the storage itself, as Optuna's dashboard."""
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is experimental
            if self.study.metric_names != names:
                self.study.set_metric_names(names)

    def notes(self) -> dict[str, Any]:
        """All attributes of the study."""
        return dict(self.study.user_attrs)

    def note(self, key: str, value: Any) -> None:
        """Store an attribute of the study."""
        self.study.set_user_attr(key, value)
