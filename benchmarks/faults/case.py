"""A fault: the recipe that it breaks, how, and what is looked at afterwards."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from processes import Program, Record, Reference, Verdict, orphans
from recipes import RECIPES, prepare

Break = Callable[["Run"], None]


@dataclass
class Run:
    """One case being carried out.

    Args:
        words: of `elman fit`.
        store: what holds the run in the end: a SQLite file, or a database's URL.
    """

    folder: Path
    words: list[str]
    reference: Reference
    verdict: Verdict
    dice: random.Random
    launcher: Sequence[str]
    store: Path | str

    def fit(self, *words: str, **environment: str) -> Program:
        return Program(self.folder, "fit", *self.words, *words, launcher=self.launcher, **environment)

    def at_a_random_moment(self, program: Program, *, least: float = 0.0) -> bool:
        """Let it compute for a random share of what the reference computed; False: it ended before."""
        there = program.until_cpu(self.reference.cpu * self.dice.uniform(least, 0.95))
        if not there:
            self.verdict.notes.append("ended before it could be stopped")
        return there

    def bad(self, note: str) -> None:
        """Count a wrong status or exit code."""
        self.verdict.status += 1
        self.verdict.notes.append(note)

    def stop(self, program: Program, number: int, *, child: int | None = None) -> None:
        """Send a signal, and count how it was obeyed."""
        began = time.monotonic()
        program.signal(number, child=child)
        self.verdict.orphan += orphans(self.folder)
        self.verdict.slowest = max(self.verdict.slowest, time.monotonic() - began)
        if number != signal.SIGKILL:
            record = Record(self.store)
            if record.status not in ("", "KILLED", "FINISHED") and program.process.returncode:
                self.bad(f"{record.status} after signal {number}")

    def go_on(self) -> None:
        """Until it has finished, which it may have done before it was stopped; then as `finished`."""
        for _ in range(4):
            if Record(self.store).status == "FINISHED":
                break
            again = self.fit("--resume=auto")
            if again.end() == 0:
                break
        else:
            self.verdict.notes.append(
                "does not finish: " + again.output.read_text()[-300:].replace("\n", " ")
            )
        self.finished()

    def finished(self) -> None:
        """Send what is left and compare."""
        self.sync()
        self.verdict.compare(self.folder, self.store, self.reference)
        self.verdict.orphan += orphans(self.folder)

    def sync(self) -> int:
        """`elman sync`, where there is something to send; its exit code."""
        if not any(self.folder.glob("**/spool/entries.db")):
            return 0
        stores = [word for word in self.words if word.startswith("--tracking.tracking_uri=")]
        return Program(self.folder, "sync", *stores).end()


@dataclass(frozen=True)
class Case:
    """A fault.

    Args:
        recipe: what is trained.
        breaks: breaks the run and mends what has to be mended.
        launcher: words before `elman`.
        needs: what a machine may lack: root.
    """

    name: str
    breaks: Break
    recipe: str = "text"
    times: int = 2
    launcher: Sequence[str] = (sys.executable,)
    needs: str = ""

    def lacking(self) -> str:
        """Why it cannot be carried out here; "": it can."""
        if self.needs == "root" and os.geteuid():
            return "needs root, for a small disk of its own"
        return ""

    def prepare(self, folder: Path) -> None:
        prepare(folder, RECIPES[self.recipe])

    def run(self, folder: Path, reference: Reference, verdict: Verdict, seed: int) -> None:
        dice = random.Random(f"{self.name} {seed}")
        self.breaks(
            Run(folder, ["recipe.yaml"], reference, verdict, dice, self.launcher, folder / "mlflow.db")
        )
