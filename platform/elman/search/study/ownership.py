"""Which process runs a trial and which one leads, among all that share a study, and whether they live."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

from elman.search.study.kept_study import BEAT, LEADER, OWNER, KeptStudy
from elman.tracking.process import identity, is_alive
from elman.tracking.retry import retry
from elman.tracking.store import first_line

log = logging.getLogger(__name__)

BEAT_SECONDS = 30.0
SILENCE_SECONDS = 180.0  # without a beat, after which a process of another machine counts as dead
FRESH_SECONDS = 30.0  # in which a trial that was asked for gets its owner
GAP_SECONDS = 75.0  # without an observation; more than two beats


class Ownership:
    """This process among those that share a study.

    Whether a process of this machine lives is read from the machine. One of another machine lives while its
    heartbeat changes: it is compared for being another value than before, never with a clock. Optuna's own
    heartbeat ends a stale trial; here it goes on, under its number.

    Args:
        kept: the study.
        mutex: lets one process at a time in, of all that share the study, since storages know no
            compare-and-set.
    """

    def __init__(
        self, kept: KeptStudy, mutex: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> None:
        self.kept, self.mutex, self.me = kept, mutex, identity()
        self._observed = Observed()

    # Heartbeats.

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Write this process's heartbeat and read those of others, whatever it waits for meanwhile."""
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
                log.warning("no heartbeat could be written: %s", first_line(error))
            ended.wait(BEAT_SECONDS)

    def lives(self, owner: str | None, notes: Mapping[str, Any]) -> bool:
        """Whether a process is at work, as far as is known."""
        if not owner:
            return False
        here = True if owner == self.me else is_alive(owner)
        if here is not None:
            return here
        return self._observed.still_seconds(owner, notes.get(BEAT + owner)) < SILENCE_SECONDS

    # The study's record in MLflow, which one of them keeps.

    def lead(self) -> bool:
        """Whether this process leads; from now on, if no living process does."""
        notes = self.kept.notes()
        owner = notes.get(LEADER)
        if owner == self.me:
            return True
        if self.lives(owner, notes):
            return False
        return retry(partial(self._take_lead, owner), what="taking the lead")

    def leader_is_known(self) -> bool:
        """Whether the leader is known to live: on another machine, its heartbeat has changed."""
        notes = self.kept.notes()
        owner = notes.get(LEADER)
        return self.lives(owner, notes) and (is_alive(owner) is True or self._observed.has_moved(str(owner)))

    def release_lead(self) -> None:
        """Let another process lead."""
        if self.kept.notes().get(LEADER) == self.me:
            self.kept.note(LEADER, "")

    def _take_lead(self, before: str | None) -> bool:
        study = self.kept.study.once  # a retry begins with the mutex
        with self.mutex():
            if study.user_attrs.get(LEADER) not in (before, self.me):
                return False
            study.set_user_attr(LEADER, self.me)
        return True

    # Trials.

    def own(self, number: int) -> None:
        """Take a trial that no other process knows of."""
        self.kept.note_trial(number, OWNER, self.me)

    def owns(self, number: int) -> bool:
        """Whether a trial is still this process's; others have it if this one was silent for too long."""
        return bool(self.kept.attributes(number).get(OWNER) == self.me)

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
            take = partial(self._take, trial.number, trial.user_attrs.get(OWNER))
            if retry(take, what="taking a trial"):
                return int(trial.number)
            self.kept.forget(trial.number)
        return None

    def others_at_work(self) -> bool:
        """Whether another process that may live runs a trial."""
        notes = self.kept.notes()
        running = self.kept.trials(self.kept.states.RUNNING)
        others = [trial for trial in running if trial.user_attrs.get(OWNER) != self.me]
        taken = [self._is_taken(trial, notes) for trial in others]  # all of them are to be observed
        return any(taken)

    def _is_taken(self, trial: Any, notes: Mapping[str, Any]) -> bool:
        owner = trial.user_attrs.get(OWNER)
        if owner is None:  # just asked for
            return self._observed.still_seconds(f"trial {trial.number}", None) < FRESH_SECONDS
        return self.lives(owner, notes)

    def _take(self, number: int, before: str | None) -> bool:
        study, trial = self.kept.study.once, self.kept.trial(number).once  # a retry begins with the mutex
        with self.mutex():
            now = study.get_trials(deepcopy=False)[number]
            if now.state != self.kept.states.RUNNING or now.user_attrs.get(OWNER) not in (before, self.me):
                return False
            trial.set_user_attr(OWNER, self.me)
        return True


@dataclass
class Observation:
    """A value that was read, by this process's own clock."""

    value: Any
    since: float
    read: float
    moved: bool = False


class Observed:
    """For how long values have not changed, as far as this process has read them.

    Time in which it did not read does not count: then it was held up itself, or the storage was unreachable,
    for the heartbeats of all others too.
    """

    def __init__(self) -> None:
        self._values: dict[str, Observation] = {}

    def still_seconds(self, name: str, value: Any) -> float:
        """For how long `name` has had this value, which was read just now."""
        now, last = time.monotonic(), self._values.get(name)
        if last is None or last.value != value or now - last.read > GAP_SECONDS:
            last = self._values[name] = Observation(value, now, now, last is not None and last.value != value)
        last.read = now
        return now - last.since

    def has_moved(self, name: str) -> bool:
        """Whether `name` had another value before the present one."""
        return name in self._values and self._values[name].moved
