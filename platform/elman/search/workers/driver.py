"""The search at work: free places take the next trial at once; each end is recorded once."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from datamodules.files import write_whole
from elman.run.protocol import PRUNED_CODE
from elman.search.results.format import trial_name
from elman.search.results.review import State
from elman.search.study.kept_study import RECIPE, RUN, SECONDS
from elman.search.study.study import Asked
from elman.search.workers.places import Lease
from elman.search.workers.processes import BAD_INPUT_CODE, Processes
from elman.search.workers.session import Session
from elman.search.workers.trial_process import PROGRAM, Trial, TrialProcess
from elman.tracking.study_run import StudyRun

log = logging.getLogger(__name__)

COUNT_SECONDS = 60.0  # between two counts of the hours at work
FAILURES_IN_ROW = 5  # with no trial ever finished, the recipe is at fault and not the values


class Driver(Processes[int]):
    """Runs the trials of a study, one process each, on its places.

    One loop waits for the messages of the trials and for their ends. A place that becomes free takes a trial
    that another process has released, else asks for a new one. Whatever happens to this process, each trial
    is either ended in the storage or goes on with the same command.

    Args:
        session: where trials are asked for, ended and recorded.
        places: where they run.
        program: what a trial's process runs, with the file of its recipe as the last word.
        begin: starts a trial; it takes what `TrialProcess` does.

    Attributes:
        changed: called after each change, with the trial that ended, or None.
        stopping: the signal that asked for the end; 0: none.
        gave_up: why the search has ended without a result; "": it has not.
    """

    runs: StudyRun

    def __init__(
        self,
        session: Session,
        places: list[Lease],
        *,
        program: Sequence[str] = PROGRAM,
        begin: Callable[..., Trial] = TrialProcess,
    ) -> None:
        super().__init__(session.runs)
        self.session, self.search, self.study = session, session.search, session.study
        self.changed: Callable[[int | None], None] = lambda number: None
        self.free, self.program = list(places), list(program)
        self.home, self.begin = Path.cwd(), begin
        self.running: dict[int, tuple[Trial, Asked]] = {}
        self.gave_up = ""
        self._failures = 0
        self._ends: list[tuple[int, str, State, str]] = []  # (trial, run, state, why) not yet in MLflow
        self._hours_at = time.monotonic()

    def run(self, stay: Callable[[], bool] = lambda: False) -> int:
        """Work until the budget is spent.

        Args:
            stay: asked when nothing runs any more: whether to wait for what others may leave.

        Returns:
            0, or 128 and the number of the signal that ended it early, or 1 if every trial fails.
        """
        with self.listening():
            while True:
                self._fill()
                self._record_ends()
                if not self.running and (self.stopping or self.gave_up or not stay()):
                    break
                self.wait()
                self.changed(None)
                if time.monotonic() - self._hours_at >= COUNT_SECONDS:
                    self._count_hours()
        self._count_hours()
        if self.stopping:
            return 128 + self.stopping
        return 1 if self.gave_up else 0

    def at_work(self) -> list[Trial]:
        return [process for process, _ in self.running.values()]

    # Trials begin.

    def _fill(self) -> None:
        while self.free and not self.stopping and not self.gave_up:
            asked = self.study.abandoned() or self.study.ask()
            if asked is None:
                return
            self._start(asked, self.free.pop(0))

    def _start(self, asked: Asked, lease: Lease) -> None:
        number, values = asked.number, asked.values
        folder = self.search.folder / "trials" / f"{number:04d}"
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "recipe.yaml"
        if asked.again and (text := self.study.recipe(number)):
            write_whole(file, text)  # with the threads it began with, wherever it goes on
        else:
            recipe = self.search.recipe(
                values, threads=lease.threads, processes=lease.processes, seed=asked.seed, times=asked.times
            ).minimal
            again = "" if asked.confirms is None else f": trial {asked.confirms} once more, with a new seed"
            write_whole(file, f"# Trial {number} of the search {self.search.name}{again}.\n{recipe}")
            self.study.kept.note_trial(number, RECIPE, file.read_text(encoding="utf-8"))
        values = self.search.space.with_products(values)
        params = {"trial": number, **values}
        if asked.confirms is not None:
            params |= {"confirms": asked.confirms, "seed": asked.seed}
        name = trial_name(number, values)
        if asked.confirms is not None:
            name = f"{trial_name(asked.confirms, values)} again, seed {asked.seed}"
        run_id = self.runs.trial(number, known=asked.run_id, params=params, name=name)
        if run_id != asked.run_id:
            self.study.kept.note_trial(number, RUN, run_id)
        process = self.begin(
            file,
            folder / "output.txt",
            run_id=run_id,
            lease=lease,
            program=self.program,
            home=self.home,
            receive=lambda message: self._messages.put((number, message)),
        )
        self.running[number] = (process, asked)
        if self.stopping:  # a signal came meanwhile
            process.stop()
        self.changed(None)

    # Trials report.

    def take(self, number: int, message: dict[str, Any] | None) -> None:
        process, asked = self.running[number]
        if message is None:
            self._ended(number)
        elif not self._still_owned(number, process, asked):
            process.kill()
        elif message["kind"] == "end":
            process.ended_in_order = True
        else:
            steps, rung, metrics = (message[key] for key in ("time_steps", "rung", "figures"))
            prune = self.study.report(number, time_steps=steps, rung=rung, metrics=metrics)
            process.answer(prune=prune)

    def _still_owned(self, number: int, process: Trial, asked: Asked) -> bool:
        """Whether a trial is still this search's; how long it has run is then stored."""
        if not self.study.owners.owns(number):
            return False
        self.study.kept.note_trial(number, SECONDS, asked.seconds + process.seconds)
        return True

    # Trials end.

    def _ended(self, number: int) -> None:
        process, asked = self.running.pop(number)
        code = process.wait()
        self.free.append(process.lease)
        self.free.sort(key=lambda lease: lease.place)
        if not self._still_owned(number, process, asked):
            log.warning("trial %d: another search goes on with it, as this heartbeat stopped", number)
            self.study.kept.forget(number)
            return
        if process.ended_in_order or code == 0:
            self._finalize(number, process, self.study.complete(number))
        elif code == PRUNED_CODE:
            self._finalize(number, process, self.study.prune(number))
        elif self.stopping:
            self.runs.finalize(process.run_id, "stopped")
            self.study.owners.release(number)
        elif code == BAD_INPUT_CODE:
            self._finalize(number, process, self.study.fail(number, process.reason()))
        else:
            self._crashed(number, process, code)

    def _crashed(self, number: int, process: Trial, code: int) -> None:
        """Go on from the checkpoint, in any place, as often as the search allows."""
        crashes = self.study.crashed(number)
        why = f"its process was killed by {signal.Signals(-code).name}" if code < 0 else process.reason()
        if crashes <= self.search.settings.retries:
            log.warning("trial %d: %s; it goes on from its checkpoint", number, why)
            self.runs.finalize(process.run_id, "stopped")
            self.study.owners.release(number)
            return
        self._finalize(number, process, self.study.fail(number, f"{why} ({crashes} times)"))

    def _finalize(self, number: int, process: Trial, state: State) -> None:
        why = ""
        if state == "failed":
            why = self.study.why(number)
            self._failures += 1
            if self._failures >= FAILURES_IN_ROW and not self.study.has_succeeded:
                self.gave_up = f"the last {self._failures} trials failed, of this one: {why}"
        else:
            self._failures = 0
        self._ends.append((number, process.run_id, state, why))

    def _record_ends(self) -> None:
        """What has ended, in MLflow; the free place has its next trial by now, which need not wait for it."""
        while self._ends:
            number, run_id, state, why = self._ends.pop(0)
            self.runs.finalize(run_id, state, why=why)
            self.changed(number)

    def _count_hours(self) -> None:
        now = time.monotonic()
        self.study.add_hours((now - self._hours_at) / 3600)
        self._hours_at = now
