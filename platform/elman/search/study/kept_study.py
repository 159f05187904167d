"""Optuna's study and its storage, reached patiently: trials and notes by name, whatever the storage is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from elman.tracking.retry import retry

T = TypeVar("T")


def is_kept(storage: Any, name: str) -> bool:
    """Whether a storage has a study of this name."""

    def ask() -> bool:
        try:
            storage.get_study_id_from_name(name)
        except KeyError:
            return False
        return True

    return retry(ask, what="looking for the study")


class KeptStudy:
    """One study of a storage, made when it is not there. Every call waits for a storage that is away.

    Args:
        name: of the study.
        storage: of Optuna.
        directions: minimize or maximize, for each objective.
        pruner: of Optuna.
    """

    def __init__(self, name: str, storage: Any, *, directions: list[Any], pruner: Any) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.name, self.storage = name, storage
        self.optuna = optuna
        self.states = optuna.trial.TrialState
        self.study = self.patiently(
            lambda: optuna.create_study(
                study_name=name, storage=storage, directions=directions, pruner=pruner, load_if_exists=True
            ),
            "opening the study",
        )
        self._open: dict[int, Any] = {}

    # Trials.

    def ask(self) -> Any:
        """A new trial, or one that waits."""
        trial = self.patiently(self.study.ask, "asking for a trial")
        self._open[trial.number] = trial
        return trial

    def trial(self, number: int) -> Any:
        """A trial, to write to."""
        if number not in self._open:
            study_id = self.storage.get_study_id_from_name(self.name)
            trial_id = self.patiently(
                lambda: self.storage.get_trial_id_from_study_id_trial_number(study_id, number),
                "finding a trial",
            )
            self._open[number] = self.optuna.trial.Trial(self.study, trial_id)
        return self._open[number]

    def trials(self, *states: Any) -> list[Any]:
        """All trials as they are stored now, or those in some states, by number."""
        return list(
            self.patiently(
                lambda: self.study.get_trials(deepcopy=False, states=states or None), "reading the trials"
            )
        )

    def stored(self, number: int) -> Any:
        """A trial as it is stored now."""
        return self.trials()[number]

    def tell(self, number: int, state: Any, values: list[float] | None = None) -> None:
        """End a trial; what has ended already stays as it is."""
        self.patiently(
            lambda: self.study.tell(number, values, state=state, skip_if_finished=True), "ending a trial"
        )
        self.forget(number)

    def forget(self, number: int) -> None:
        """Another process may write to a trial from now on."""
        self._open.pop(number, None)

    def is_open(self, number: int) -> bool:
        """Whether this process writes to a trial."""
        return number in self._open

    # Notes on the study and on its trials.

    def notes(self) -> dict[str, Any]:
        """All notes on the study."""
        return dict(self.patiently(lambda: self.study.user_attrs, "reading the study"))

    def note(self, key: str, value: Any) -> None:
        self.patiently(lambda: self.study.set_user_attr(key, value), "recording the study")

    def note_trial(self, number: int, key: str, value: Any) -> None:
        trial = self.trial(number)
        self.patiently(lambda: trial.set_user_attr(key, value), "recording a trial")

    def patiently(self, call: Callable[[], T], what: str) -> T:
        return retry(call, what=what)
