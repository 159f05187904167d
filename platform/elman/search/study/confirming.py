"""The confirming runs of a study: taken one by one, once each, by all processes that share it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from elman.search.results.confirming import next_confirmations
from elman.search.results.review import Review
from elman.search.space.definition import Search
from elman.search.study.kept_study import CONFIRMS, OWNER, SEED, KeptStudy
from elman.search.study.ownership import Ownership
from elman.tracking.retry import retry


class Confirming:
    """Asks for runs of trials with new seeds, as `next_confirmations` wants them.

    A confirming run is a trial of the storage that says which trial it confirms and with which seed. It does
    not count towards the budget, and samplers do not learn from it.

    Args:
        search: what is searched.
        kept: the study.
        owners: of its trials.
        review: what the study has found so far.
    """

    def __init__(
        self, search: Search, kept: KeptStudy, owners: Ownership, review: Callable[[], Review]
    ) -> None:
        self.search, self.kept, self.owners, self.review = search, kept, owners, review
        self.runs = search.settings.confirm.runs
        self._waits_for: tuple[int, int] | None = None

    def take(self) -> int | None:
        """A run to be made now, owned by this process, by its number; None: there is none now."""
        made = self._made(self.kept.trials())
        state = (len(made), sum(trial.state.is_finished() for trial in made))
        if len(made) >= self.runs or state == self._waits_for:
            return None
        wanted = next_confirmations(self.review(), runs=self.runs)
        if not wanted:
            self._waits_for = state
            return None
        return retry(partial(self._make, wanted[0], len(made)), what="taking a confirming run")

    def is_left(self) -> bool:
        """Whether another run is to be made, now or once others have ended."""
        return len(self._made(self.kept.trials())) < self.runs and bool(
            next_confirmations(self.review(), runs=self.runs) is not None
        )

    def _make(self, confirms: int, made: int) -> int | None:
        study = self.kept.study.once  # a retry begins with the mutex
        with self.owners.mutex():
            trials = study.get_trials(deepcopy=False)
            if len(self._made(trials)) != made:  # another process was faster
                return None
            of = trials[confirms]
            seeds = [trial.user_attrs.get(SEED, 0) for trial in trials]
            attributes = {
                OWNER: self.owners.me,
                CONFIRMS: confirms,
                SEED: max(self.search.seed, *seeds) + 1,
            }
            return self.kept.add(of.params, of.distributions, attributes)

    @staticmethod
    def _made(trials: list[Any]) -> list[Any]:
        return [trial for trial in trials if CONFIRMS in trial.user_attrs]
