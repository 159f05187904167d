"""The runs of a group at work: a process each, as many at once as there are places."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from elman.errors import BadInput
from elman.groups.member import Member
from elman.groups.results import has_diverged
from elman.run.stop import SIGNALS
from elman.search.workers.places import Lease
from elman.search.workers.processes import BAD_INPUT_CODE, Processes
from elman.search.workers.trial_process import PROGRAM, Trial, TrialProcess
from elman.tracking.group_run import GroupRun
from elman.tracking.runs import RunRow

log = logging.getLogger(__name__)

PROGRESS_SECONDS = 15.0  # between two lines on how far the runs are
RETRIES = 2  # how often a run whose process crashed goes on from its checkpoint
STOPPED_CODES = tuple(128 + number for number in SIGNALS)


class Training(Processes[Member]):
    """Trains the members of a group that have not finished.

    Each is a process with a line to this one: where this one dies, they stop in order, and the same command
    goes on with them. A process that crashes goes on from its checkpoint.

    Args:
        runs: of the group, opened.
        words: that train each member, its own options among them.
        recipe: the file that is trained, the last word of all.
        names: of the members' runs.
        places: where they run.
        folder: of all runs' checkpoints; what a process prints is kept there.
        say: prints a line.
        begin: starts a run; it takes what `TrialProcess` does.
    """

    runs: GroupRun

    def __init__(
        self,
        runs: GroupRun,
        *,
        words: Mapping[Member, Sequence[str]],
        recipe: str,
        names: Mapping[Member, str],
        places: Sequence[Lease],
        folder: Path,
        say: Callable[[str], None],
        begin: Callable[..., Trial] = TrialProcess,
    ) -> None:
        super().__init__(runs)
        self.words, self.recipe, self.names = words, recipe, names
        self.free, self.folder, self.say, self.begin = list(places), folder, say, begin
        self.changed: Callable[[], None] = lambda: None
        self.failed: dict[Member, str] = {}
        self._home = Path.cwd()
        self._left: list[Member] = []
        self._running: dict[Member, Trial] = {}
        self._steps: dict[Member, int] = {}
        self._reported, self._refused = False, ""
        self._crashes: dict[Member, int] = {}
        self._said_at, self._said = time.monotonic(), ""

    def run(self, members: Sequence[Member]) -> int:
        """Train these members until all have ended.

        Returns:
            0, 1 if one of them failed, or 128 and the number of the signal that ended it early.

        Raises:
            BadInput: if they cannot begin, all for the same reason.
        """
        self._left = list(members)
        with self.listening():
            while self._left or self._running:
                while self.free and self._left and not (self.stopping or self._refused):
                    self._start(self._left.pop(0), self.free.pop(0))
                if not self._running:
                    break
                self.wait()
                self._tell()
        if self._refused:
            raise BadInput(self._refused)
        if self.stopping:
            return 128 + self.stopping
        return int(bool(self.failed))

    def at_work(self) -> list[Trial]:
        return list(self._running.values())

    def _start(self, member: Member, lease: Lease) -> None:
        row = self.runs.member(str(member), self.names[member])
        place = self.folder / row.id
        place.mkdir(parents=True, exist_ok=True)
        self._running[member] = self.begin(
            Path(self.recipe),
            place / "output.txt",
            run_id=row.id,
            lease=lease,
            program=[*PROGRAM, *self.words[member]],
            home=self._home,
            receive=lambda message: self._messages.put((member, message)),
        )
        again = any(place.glob("step-*.ckpt"))
        self.say(f"{member}: {'goes on' if again else 'begins'}, run {row.id}")
        if self.stopping:  # a signal came meanwhile
            self._running[member].stop()

    def _tell(self) -> None:
        """How far the runs are, now and then."""
        now = time.monotonic()
        if now - self._said_at > PROGRESS_SECONDS:
            self._said_at = now
            steps = [
                f"{member} at {self._steps[member]:,}" for member in self._running if member in self._steps
            ]
            line = f"time steps: {', '.join(steps)}" + (f"; {len(self._left)} wait" if self._left else "")
            if steps and line != self._said:
                self._said = line
                self.say(line)

    def take(self, member: Member, message: dict[str, Any] | None) -> None:
        process = self._running[member]
        if message is None:
            self._ended(member)
        elif message["kind"] == "end":
            process.ended_in_order = True
        else:
            self._reported = True
            self._steps[member] = message["time_steps"]
            process.answer(prune=False)

    def _ended(self, member: Member) -> None:
        process = self._running.pop(member)
        self._steps.pop(member, None)
        code = process.wait()
        self.free.append(process.lease)
        if process.ended_in_order or code == 0:
            self._finished(member, self.runs.end(process.run_id, "FINISHED"))
        elif self.stopping or code in STOPPED_CODES:
            self.runs.end(process.run_id, "KILLED")
            self.say(f"{member}: stopped")
        elif code == BAD_INPUT_CODE:
            self._fail(member, process, process.reason())
            if not self._reported:  # what is wrong for one is so for all
                self._refused = self.failed[member]
        else:
            self._crashed(member, process, code)
        self.changed()

    def _crashed(self, member: Member, process: Trial, code: int) -> None:
        """Go on from the checkpoint, unless it has ended well and died then, or dies again and again."""
        why = f"its process was killed by {signal.Signals(-code).name}" if code < 0 else process.reason()
        row = self.runs.end(process.run_id, "KILLED", why=why)
        if row.status == "FINISHED":
            self._finished(member, row)
            return
        self._crashes[member] = self._crashes.get(member, 0) + 1
        if self._crashes[member] <= RETRIES:
            log.warning("%s: %s; it goes on from its checkpoint", member, why)
            self._left.insert(0, member)
        else:
            self._fail(member, process, f"{why} ({self._crashes[member]} times)")

    def _fail(self, member: Member, process: Trial, why: str) -> None:
        self.failed[member] = why
        self.runs.end(process.run_id, "FAILED", why=why)
        self.say(f"{member}: failed: {why}")

    def _finished(self, member: Member, row: RunRow) -> None:
        self._reported = True
        seconds = "" if row.seconds is None else f" after {row.seconds:,.0f} s"
        self.say(f"{member}: finished{seconds}")


def is_open(row: RunRow | None) -> bool:
    """Whether a member is to be trained: it has neither finished, nor diverged, which it would do again."""
    return row is None or not (row.status == "FINISHED" or has_diverged(row))


def is_elsewhere(row: RunRow | None) -> bool:
    """Whether a member is being trained by a process that is none of ours, here or on another machine."""
    return row is not None and row.status == "RUNNING" and row.alive is not False
