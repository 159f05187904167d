"""Which process runs a trial and which one leads, among all that share a study, and whether they live."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

from elman.search.study.kept_study import KeptStudy
from elman.search.study.trial_state import OWNER
from elman.search.study.watch import Watch
from elman.tracking.process import identity, is_alive
from elman.tracking.store import first_line

log = logging.getLogger(__name__)

BEAT_SECONDS = 30.0
SILENCE_SECONDS = 180.0  # without a beat, after which a process of another machine counts as dead
FRESH_SECONDS = 30.0  # in which a trial that was asked for gets its owner
LEADER, BEAT = "elman:leader", "elman:beat:"


class Ownership:
    """This process among those that share a study.

    A process of this machine lives or not, as its number says. One of another machine lives while its beat
    changes: what it says is compared for being another than before, never with a clock.

    Args:
        kept: the study.
        alone: lets one process at a time in, of all that share the study, since storages know no
            compare-and-set.
    """

    def __init__(
        self, kept: KeptStudy, alone: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> None:
        self.kept, self.alone, self.me = kept, alone, identity()
        self._watch = Watch()

    # Signs of life.

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Say that this process is at work, and look whether others are, whatever it waits for meanwhile."""
        ended = threading.Event()
        threading.Thread(target=self._beat, args=(ended,), name="elman-beat", daemon=True).start()
        try:
            yield
        finally:
            ended.set()

    def _beat(self, ended: threading.Event) -> None:
        while not ended.is_set():
            try:
                self.kept.note(BEAT + self.me, time.time())
                self.leader_is_known()
                self.others_at_work()
            except Exception as error:
                log.warning("no sign of life could be given: %s", first_line(error))
            ended.wait(BEAT_SECONDS)

    def lives(self, owner: str | None, notes: Mapping[str, Any]) -> bool:
        """Whether a process is at work, as far as is known."""
        if not owner:
            return False
        here = True if owner == self.me else is_alive(owner)
        if here is not None:
            return here
        return self._watch.still_seconds(owner, notes.get(BEAT + owner)) < SILENCE_SECONDS

    # The study's record in MLflow, which one of them keeps.

    def lead(self) -> bool:
        """Whether this process leads; from now on, if nobody does who lives."""
        notes = self.kept.notes()
        owner = notes.get(LEADER)
        if owner == self.me:
            return True
        if self.lives(owner, notes):
            return False
        return self.kept.patiently(partial(self._take_lead, owner), "taking the lead")

    def leader_is_known(self) -> bool:
        """Whether who leads is known to live: where that is another machine, its beat was seen to change."""
        notes = self.kept.notes()
        owner = notes.get(LEADER)
        return self.lives(owner, notes) and (is_alive(owner) is True or self._watch.has_moved(str(owner)))

    def leave(self) -> None:
        """Let another process lead."""
        if self.kept.notes().get(LEADER) == self.me:
            self.kept.note(LEADER, "")

    def _take_lead(self, before: str | None) -> bool:
        with self.alone():
            if self.kept.study.user_attrs.get(LEADER) not in (before, self.me):
                return False
            self.kept.study.set_user_attr(LEADER, self.me)
        return True

    # Trials.

    def own(self, number: int) -> None:
        """Take a trial that nobody else knows of."""
        self.kept.note_trial(number, OWNER, self.me)

    def owns(self, number: int) -> bool:
        """Whether a trial is still this process's; others have it if this one was silent for too long."""
        return bool(self.kept.stored(number).user_attrs.get(OWNER) == self.me)

    def release(self, number: int) -> None:
        """Let another process go on with a trial."""
        self.kept.note_trial(number, OWNER, "")
        self.kept.forget(number)

    def claim_abandoned(self) -> int | None:
        """A trial that was begun and whose process is gone, now this one's; None: there is none."""
        notes = self.kept.notes()
        for trial in self.kept.trials(self.kept.states.RUNNING):
            if self.kept.is_open(trial.number) or self._is_taken(trial, notes):
                continue
            self.kept.trial(trial.number)
            swap = partial(self._take, trial.number, trial.user_attrs.get(OWNER))
            if self.kept.patiently(swap, "taking a trial"):
                return int(trial.number)
            self.kept.forget(trial.number)
        return None

    def others_at_work(self) -> bool:
        """Whether another process that may live runs a trial."""
        notes = self.kept.notes()
        running = self.kept.trials(self.kept.states.RUNNING)
        others = [trial for trial in running if trial.user_attrs.get(OWNER) != self.me]
        taken = [self._is_taken(trial, notes) for trial in others]  # the watch is to miss none
        return any(taken)

    def _is_taken(self, trial: Any, notes: Mapping[str, Any]) -> bool:
        owner = trial.user_attrs.get(OWNER)
        if owner is None:  # just asked for
            return self._watch.still_seconds(f"trial {trial.number}", None) < FRESH_SECONDS
        return self.lives(owner, notes)

    def _take(self, number: int, before: str | None) -> bool:
        with self.alone():
            now = self.kept.study.get_trials(deepcopy=False)[number]
            if now.state != self.kept.states.RUNNING or now.user_attrs.get(OWNER) not in (before, self.me):
                return False
            self.kept.trial(number).set_user_attr(OWNER, self.me)
        return True
