"""Starting elman as a user does, breaking it, and looking at what is left."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import psutil
import torch
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import OperationalError, ProgrammingError

MARK = "ELMAN_FAULT_CASE"
LONGEST_SECONDS = 240.0
"""A process that runs longer hangs."""
TIMED = ("seconds", "per_second", "_ms", "ms_per_step", "ing_share", "efficiency", "memory_mib")
"""How metrics end whose values no two runs share."""
REPOSITORY = Path(__file__).parents[2]


class Program:
    """`elman WORDS...` in a folder, and all processes that it starts.

    Args:
        launcher: words before `elman`, such as those of torchrun.
        environment: further variables.
    """

    def __init__(
        self, folder: Path, *words: str, launcher: Iterable[str] = (sys.executable,), **environment: str
    ) -> None:
        self.folder, self.output = folder, folder / "output.txt"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "ELMAN_"))}
        settings = {
            "PYTHONPATH": os.pathsep.join([str(REPOSITORY / "platform"), str(REPOSITORY)]),
            "OMP_NUM_THREADS": "1",
            "DO_NOT_TRACK": "true",
            "XDG_STATE_HOME": str(folder / "state"),
            MARK: str(folder),
        }
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [*launcher, "-m", "elman", *words],
                cwd=folder,
                env={**inherited, **settings, **environment},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.began = time.monotonic()

    def cpu(self) -> float:
        """Seconds that it and its children have computed."""
        total = 0.0
        try:
            own = psutil.Process(self.process.pid)
            for process in [own, *own.children(recursive=True)]:
                times = process.cpu_times()
                total += times.user + times.system
        except (psutil.Error, OSError):  # one of them has just ended
            pass
        return total

    def until_cpu(self, seconds: float) -> bool:
        """Wait until it has computed so long; False: it ended before."""
        while self.cpu() < seconds:
            if self.process.poll() is not None:
                return False
            self._refuse_hanging()
            time.sleep(0.03)
        return True

    def until_file(self, pattern: str) -> bool:
        """Wait for a file below its folder; False: it ended before there was one."""
        return self.until(lambda: any(self.folder.glob(pattern)))

    def until(self, true: Callable[[], bool]) -> bool:
        """Wait until something is so; False: it ended before."""
        while not true():
            if self.process.poll() is not None:
                return False
            self._refuse_hanging()
            time.sleep(0.02)
        return True

    def end(self) -> int:
        """Wait for its end; the exit code."""
        while self.process.poll() is None:
            self._refuse_hanging()
            time.sleep(0.02)
        return int(self.process.returncode)

    def signal(self, number: int, *, child: int | None = None) -> None:
        """Send it, or a child of it, a signal, and wait for its end."""
        with suppress(ProcessLookupError):
            os.kill(self.process.pid if child is None else child, number)
        self.end()

    def ranks(self) -> dict[int, int]:
        """Process ids of the processes that train together, by rank."""
        found = {}
        for process in family(self.folder):
            try:
                environment = process.environ()
            except (psutil.Error, OSError):
                continue
            rank = environment.get("RANK", environment.get("LOCAL_RANK"))
            if rank is not None and "torchrun" not in " ".join(process.cmdline()[:2]):
                found[int(rank)] = process.pid
            elif process.pid == self.process.pid:
                found.setdefault(0, process.pid)
        return found

    def _refuse_hanging(self) -> None:
        if time.monotonic() - self.began > LONGEST_SECONDS:
            kill_all(self.folder)
            raise TimeoutError(f"{self.folder}: runs for more than {LONGEST_SECONDS:.0f} s")


def family(folder: Path) -> list[psutil.Process]:
    """All living processes that were started for a case."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK) == str(folder):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def kill_all(folder: Path) -> None:
    for process in family(folder):
        try:
            process.kill()
        except (psutil.Error, OSError):
            continue


def orphans(folder: Path, *, seconds: float = 30.0) -> int:
    """Processes of a case that go on though the one that was started has ended `seconds` ago."""
    end = time.monotonic() + seconds
    while (left := family(folder)) and time.monotonic() < end:
        time.sleep(0.1)
    kill_all(folder)
    return len(left)


class Record:
    """What a store holds of its runs; points and values are those of one, the last unless `run` is given.

    Args:
        store: a SQLite file, or the URL of a database.
        run: its id.
    """

    def __init__(self, store: Path | str, run: str = "") -> None:
        self.points: Counter[tuple[str, int]] = Counter()
        self.values: dict[tuple[str, int], float] = {}
        self._all: list[tuple[str, str]] = []
        if isinstance(store, Path) and not store.is_file():
            return
        url = f"sqlite:///{store}" if isinstance(store, Path) else store
        with create_engine(url, poolclass=NullPool).connect() as database:
            try:
                found = database.execute(text("SELECT run_uuid, status FROM runs ORDER BY start_time"))
                self._all = [(name, status) for name, status in found]
                asked = text("SELECT key, step, value FROM metrics WHERE run_uuid = :run")
                for key, step, value in database.execute(asked, {"run": run or self.run}):
                    if not key.startswith("system/"):
                        self.points[key, step] += 1
                        self.values[key, step] = value
            except (OperationalError, ProgrammingError):  # no table yet
                return
        if run:
            self._all = [(name, status) for name, status in self._all if name == run]

    @property
    def run(self) -> str:
        return self._all[-1][0] if self._all else ""

    @property
    def ids(self) -> list[str]:
        return [name for name, _ in self._all]

    @property
    def statuses(self) -> list[str]:
        return [status for _, status in self._all]

    @property
    def status(self) -> str:
        """Of the last run; "": there is none."""
        return self.statuses[-1] if self._all else ""


def every_record(store: Path | str) -> list[Record]:
    """One of each run."""
    return [Record(store, run) for run in Record(store).ids]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """Of the last checkpoint below a folder."""
    last = sorted(folder.glob("checkpoints/*/step-*.ckpt"), key=lambda path: path.name)[-1]
    return dict(torch.load(last, map_location="cpu", weights_only=True)["state_dict"])


class Verdict:
    """How a case ended, against a run that nothing happened to."""

    def __init__(self) -> None:
        self.lost = self.doubled = self.status = self.hang = self.orphan = self.unequal = 0
        self.slowest = 0.0
        self.notes: list[str] = []

    def compare(self, folder: Path, store: Path | str, reference: Reference) -> None:
        """Count what differs once a case's run has finished."""
        record = Record(store)
        self.lost += len(set(reference.record.points) - set(record.points))
        self.doubled += sum(count - 1 for count in record.points.values())
        if record.statuses != ["FINISHED"]:
            self.status += 1
            self.notes.append(f"runs that are {', '.join(record.statuses) or 'not there'}")
        unlike = [
            point
            for point, value in reference.record.values.items()
            if not point[0].endswith(TIMED) and record.values.get(point, value) != value
        ]
        if unlike or not self._weights_are_those_of(reference, folder):
            self.unequal += 1
            self.notes.append(f"{len(unlike)} values differ, the first {sorted(unlike)[:3]}")

    def compare_weights(self, folder: Path, reference: Reference) -> None:
        """Count a run whose last weights differ."""
        self.unequal += not self._weights_are_those_of(reference, folder)

    def _weights_are_those_of(self, reference: Reference, folder: Path) -> bool:
        try:
            ours = weights(folder)
            same = all(torch.equal(ours[name], tensor) for name, tensor in reference.weights.items())
        except (IndexError, KeyError, RuntimeError) as error:
            same = False
            self.notes.append(f"no weights: {error}")
        if not same:
            self.notes.append("weights differ")
        return same

    @property
    def bad(self) -> int:
        return self.lost + self.doubled + self.status + self.hang + self.orphan + self.unequal


class Reference:
    """A run of the same recipe that nothing happened to."""

    def __init__(self, folder: Path, *words: str, launcher: Iterable[str] = (sys.executable,)) -> None:
        program = Program(folder, "fit", *words, launcher=launcher)
        cpu = 0.0
        while program.process.poll() is None:
            cpu = max(cpu, program.cpu())
            time.sleep(0.05)
        if program.end():
            raise RuntimeError(f"the reference failed: {program.output.read_text()[-2000:]}")
        self.cpu, self.seconds = cpu, time.monotonic() - program.began
        self.record, self.weights = Record(folder / "mlflow.db"), weights(folder)
        if not self.record.points:
            raise RuntimeError("the reference recorded nothing")
