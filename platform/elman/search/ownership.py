"""Which process runs a trial and which one leads, among all that share a study, and whether they live."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from elman.search.kept_study import KeptStudy
from elman.tracking.process import identity, is_alive

BEAT_SECONDS = 30.0
SILENCE_SECONDS = 180.0  # after which a process of another machine counts as dead
FRESH_SECONDS = 30.0  # in which a trial that was asked for gets its owner
SETTLE_SECONDS = 0.5  # two that claim the same thing at once have both written by then
OWNER, LEADER, BEAT = "elman:owner", "elman:leader", "elman:beat:"


class Ownership:
    """This process among those that share a study.

    Storages know no compare-and-set, so a claim is written, and counts if it is still there after half a
    second: of two that wrote in that time the last has it.
    """

    def __init__(self, kept: KeptStudy) -> None:
        self.kept, self.me = kept, identity()
        self._beat_at = 0.0

    def beat(self) -> None:
        """Say that this process is at work, at most every 30 s."""
        now = time.time()
        if now - self._beat_at >= BEAT_SECONDS:
            self._beat_at = now
            self.kept.note(BEAT + self.me, now)

    def lead(self) -> bool:
        """Whether this process keeps the study's record in MLflow: one does, for all that share the study."""
        owner = self.kept.notes().get(LEADER)
        if owner == self.me:
            return True
        if owner and self.lives(owner):
            return False
        self.kept.note(LEADER, self.me)
        time.sleep(SETTLE_SECONDS)
        return bool(self.kept.notes().get(LEADER) == self.me)

    def leave(self) -> None:
        """Let another process lead."""
        if self.kept.notes().get(LEADER) == self.me:
            self.kept.note(LEADER, "")

    def lives(self, owner: str | None, notes: Mapping[str, Any] | None = None) -> bool:
        """Whether a process is at work: by its number on this machine, by its last beat on others."""
        if not owner:
            return False
        if owner == self.me:
            return True
        here = is_alive(owner)
        if here is not None:
            return here
        beat = (notes or self.kept.notes()).get(BEAT + owner)
        return beat is not None and time.time() - beat < SILENCE_SECONDS

    # Trials.

    def own(self, number: int) -> None:
        """Take a trial that nobody else knows of."""
        self.kept.note_trial(number, OWNER, self.me)

    def release(self, number: int) -> None:
        """Let another process go on with a trial."""
        self.kept.note_trial(number, OWNER, "")
        self.kept.forget(number)

    def claim_abandoned(self) -> int | None:
        """A trial that was begun and whose process is gone, now this one's; None: there is none."""
        notes = self.kept.notes()
        for trial in self.kept.trials(self.kept.states.RUNNING):
            owner = trial.user_attrs.get(OWNER)
            begun = trial.datetime_start
            fresh = owner is None and begun is not None and time.time() - begun.timestamp() < FRESH_SECONDS
            if self.kept.is_open(trial.number) or fresh or self.lives(owner, notes):
                continue
            self.own(trial.number)
            time.sleep(SETTLE_SECONDS)
            now = self.kept.stored(trial.number)
            if now.state == self.kept.states.RUNNING and now.user_attrs.get(OWNER) == self.me:
                return int(trial.number)
            self.kept.forget(trial.number)
        return None

    def others_at_work(self) -> bool:
        """Whether another living process runs a trial."""
        notes = self.kept.notes()
        owners = {trial.user_attrs.get(OWNER) for trial in self.kept.trials(self.kept.states.RUNNING)}
        return any(self.lives(owner, notes) for owner in owners - {self.me})
