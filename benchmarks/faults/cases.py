"""The faults, each with the recipe that it breaks and how it is broken."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from processes import REPOSITORY, Program, Record, Reference, Verdict, family, orphans
from recipes import RECIPES, prepare
from server import Server

TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone")
Break = Callable[["Run"], None]


@dataclass
class Run:
    """One case being carried out.

    Args:
        words: of `elman fit`.
        store: the SQLite file that holds the run in the end.
    """

    folder: Path
    words: list[str]
    reference: Reference
    verdict: Verdict
    dice: random.Random
    launcher: Sequence[str]
    store: Path

    def fit(self, *words: str, **environment: str) -> Program:
        return Program(self.folder, "fit", *self.words, *words, launcher=self.launcher, **environment)

    def at_a_random_moment(self, program: Program, *, least: float = 0.0) -> bool:
        """Let it compute for a random share of what the reference computed; False: it ended before."""
        return program.until_cpu(self.reference.cpu * self.dice.uniform(least, 1.0))

    def stop(self, program: Program, number: int, *, child: int | None = None) -> None:
        """Send a signal, and count how it was obeyed."""
        seconds = program.signal(number, child=child)
        if number != signal.SIGKILL:
            self.verdict.slowest = max(self.verdict.slowest, seconds)
            record = Record(self.store)
            if record.runs and record.status not in ("KILLED", "FINISHED") and program.process.returncode:
                self.verdict.status += 1
                self.verdict.notes.append(f"{record.status} after signal {number}")
        self.verdict.orphan += orphans(self.folder)

    def go_on(self) -> None:
        """Until it has finished; then as `finished`."""
        for _ in range(4):
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

    def sync(self) -> None:
        Program(self.folder, "sync").end()


@dataclass(frozen=True)
class Case:
    """A fault.

    Args:
        recipe: what is trained.
        breaks: breaks the run and mends what has to be mended.
        launcher: words before `elman`.
        needs: a file of the machine without which the case is not carried out.
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


def stopped(number: int, *, soon: float | None = None) -> Break:
    """By a signal: at any moment of the run, or within its first `soon` seconds of computing."""

    def breaks(run: Run) -> None:
        program = run.fit()
        there = program.until_cpu(run.dice.uniform(0, soon)) if soon else run.at_a_random_moment(program)
        if there:
            run.stop(program, number)
        run.go_on()

    return breaks


def rank_killed(which: int | None) -> Break:
    """One rank, or all of them with what started them."""

    def breaks(run: Run) -> None:
        program = run.fit()
        if run.at_a_random_moment(program, least=0.4):
            ranks = program.ranks()
            if which is None:
                for process in family(run.folder):
                    process.kill()
                program.end()
                run.verdict.orphan += orphans(run.folder)
            elif which in ranks:
                run.stop(program, signal.SIGKILL, child=ranks[which])
        run.go_on()

    return breaks


def served(mood: str, *, seconds: float = 0.0, never_back: bool = False, from_start: bool = False) -> Break:
    """A server that is in a mood for a while, or until the run has ended."""

    def breaks(run: Run) -> None:
        server = Server(run.folder)
        server.start()
        try:
            run.store = server.store
            run.words.append(f"--tracking.tracking_uri={server.address}")
            server.mood = mood if from_start else "well"
            program = run.fit()
            if not from_start and program.until_file("checkpoints/*/step-*.ckpt"):
                server.mood = mood
            if never_back or from_start:
                code = program.end()
            else:
                time.sleep(seconds)
                server.mood = "well"
                code = program.end()
            run.verdict.slowest = max(run.verdict.slowest, time.monotonic() - program.began)
            if code:
                run.verdict.status += 1
                run.verdict.notes.append(f"exit code {code}")
            server.mood = "well"
            run.sync()
            run.verdict.compare(run.folder, run.store, run.reference)
        finally:
            server.end()

    return breaks


def store_locked(run: Run) -> None:
    """Another program holds the SQLite store for 20 seconds."""
    program = run.fit()
    if program.until_file("checkpoints/*/step-*.ckpt"):
        with closing(sqlite3.connect(run.store, timeout=60)) as database:
            database.execute("BEGIN EXCLUSIVE")
            time.sleep(20)
            database.rollback()
    program.end()
    run.finished()


def store_gone(run: Run) -> None:
    """The store's file is moved away under the run, and put back when it has ended."""
    program = run.fit()
    if program.until_file("checkpoints/*/step-*.ckpt"):
        time.sleep(1.0)
        run.store.rename(run.folder / "away.db")
        if program.end():
            run.verdict.status += 1
        for file in run.folder.glob("mlflow.db*"):
            file.unlink()
        (run.folder / "away.db").rename(run.store)
    program.end()
    run.sync()
    run.verdict.compare(run.folder, run.store, run.reference)


def checkpoint_broken(how: str) -> Break:
    """The last checkpoint is damaged between two starts."""

    def breaks(run: Run) -> None:
        program = run.fit()
        if program.until_file("checkpoints/*/step-*.ckpt") and run.at_a_random_moment(program, least=0.6):
            run.stop(program, signal.SIGKILL)
        found = sorted(run.folder.glob("checkpoints/*/step-*.ckpt"))
        if len(found) > 1:
            whole = found[-1].read_bytes()
            place, bit = run.dice.randrange(len(whole)), 1 << run.dice.randrange(8)
            damaged = {
                "cut": whole[:place],
                "emptied": b"",
                "one bit": whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :],
            }[how]
            found[-1].write_bytes(damaged)
        run.go_on()

    return breaks


def disk_full(what: str) -> Break:
    """A small disk for checkpoints and spool, or for the store, which another file fills for a while."""

    def breaks(run: Run) -> None:
        disk = run.folder / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)], check=True)
        try:
            if what == "store":
                run.store = disk / "mlflow.db"
                shutil.copy(run.folder / "mlflow.db", run.store)
                (run.folder / "mlflow.db").unlink()
                run.words.append(f"--tracking.tracking_uri=sqlite:///{run.store}")
            else:
                (run.folder / "checkpoints").symlink_to(disk)
            program = run.fit()
            if program.until_file("**/checkpoints/*/step-*.ckpt"):
                with (disk / "filler").open("wb") as filler:
                    try:
                        while True:
                            filler.write(bytes(1024))
                    except OSError:
                        pass
                time.sleep(10)
                (disk / "filler").unlink()
            program.end()
            run.go_on() if program.process.returncode else run.finished()
        finally:
            subprocess.run(["umount", "-l", str(disk)], check=False)

    return breaks


def clock_set(seconds: float) -> Break:
    """The clock is set while the run goes on; meanwhile others look for dead runs and try to take it over."""

    def breaks(run: Run) -> None:
        clock = run.folder / "clock"
        clock.mkdir()
        (clock / "sitecustomize.py").write_text(CLOCK.format(file=clock / "offset"))
        path = os.pathsep.join([str(clock), str(REPOSITORY / "platform"), str(REPOSITORY)])
        program = run.fit(PYTHONPATH=path)
        if program.until_file("checkpoints/*/step-*.ckpt"):
            (clock / "offset").write_text(str(seconds))
            Program(run.folder, "runs", PYTHONPATH=path).end()
            thief = run.fit("--resume", PYTHONPATH=path)
            if thief.end() == 0 and program.process.poll() is None:
                run.verdict.status += 1
                run.verdict.notes.append("a second process was let in")
            if program.process.poll() is None and Record(run.store).status != "RUNNING":
                run.verdict.status += 1
                run.verdict.notes.append("a living run is not RUNNING")
        program.end()
        run.finished()

    return breaks


CLOCK = """
import pathlib, time
_time, _file = time.time, pathlib.Path("{file}")
time.time = lambda: _time() + (float(_file.read_text() or 0) if _file.exists() else 0.0)
"""


def at_once(count: int, *words: str) -> Break:
    """Many processes in the same second."""

    def breaks(run: Run) -> None:
        if words:  # of them, one goes on with a run that was killed
            first = run.fit()
            if first.until_file("checkpoints/*/step-*.ckpt"):
                first.signal(signal.SIGKILL)
            began = first.process.returncode == 0
            together = [run.fit(*words) for _ in range(count)]
            codes = [program.end() for program in together]
            if not began and codes.count(0) != 1:
                run.verdict.status += 1
                run.verdict.notes.append(f"exit codes {codes}")
            run.finished()
            return
        together = [run.fit(f"--seed_everything={number + 1}") for number in range(count)]
        codes = [program.end() for program in together]
        with closing(sqlite3.connect(run.store)) as database:
            ended = [status for (status,) in database.execute("SELECT status FROM runs")]
        if any(codes) or ended != ["FINISHED"] * count:
            run.verdict.status += 1
            run.verdict.notes.append(f"exit codes {codes}, statuses {ended}")
        run.verdict.orphan += orphans(run.folder)

    return breaks


SIGNALS = {"kill -9": signal.SIGKILL, "SIGTERM": signal.SIGTERM, "Ctrl-C": signal.SIGINT}
CASES = [
    *(Case(f"{name}, fresh store", stopped(n, soon=4.0), "fresh", 10) for name, n in SIGNALS.items()),
    *(Case(f"{name}, text, k2 > k1", stopped(n), "text", 10) for name, n in SIGNALS.items()),
    *(
        Case(f"{name}, {recipe}", stopped(n), recipe)
        for recipe in ("captions", "sound", "bf16", "double")
        for name, n in (("kill -9", signal.SIGKILL), ("SIGTERM", signal.SIGTERM))
    ),
    *(
        Case(f"ranks, {size}: {name}", rank_killed(which), f"ranks{size}")
        for size in (2, 4)
        for name, which in (("rank 0 killed", 0), ("rank 1 killed", 1), ("all killed", None))
    ),
    Case("ranks, 2: SIGTERM", stopped(signal.SIGTERM), "ranks2"),
    Case("torchrun, 2: rank 1 killed", rank_killed(1), "text", launcher=(*TORCHRUN, "--nproc-per-node=2")),
    Case("server, shut for 30 s", served("shut", seconds=30)),
    Case("server, shut until the end", served("shut", never_back=True)),
    Case("server, shut from the start", served("shut", from_start=True)),
    Case("server, 500 for 30 s", served("broken", seconds=30)),
    Case("server, hanging for 30 s", served("hanging", seconds=30)),
    Case("server, hanging until the end", served("hanging", never_back=True)),
    Case("server, 200 ms slow", served("slow", from_start=True)),
    Case("store locked for 20 s", store_locked),
    Case("store moved away under the run", store_gone),
    *(Case(f"checkpoint, {how}", checkpoint_broken(how), times=3) for how in ("cut", "emptied", "one bit")),
    *(
        Case(f"disk full, {what}", disk_full(what), needs="root")
        for what in ("store", "checkpoints and spool")
    ),
    *(Case(f"clock set by {seconds:+} s", clock_set(seconds), times=1) for seconds in (30, -30, 3600, -3600)),
    Case("at once: two resumes", at_once(2, "--resume")),
    Case("at once: two fits", at_once(2), "fresh"),
    Case("at once: eight first starts", at_once(8), "fresh", 1),
]
