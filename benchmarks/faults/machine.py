"""A disk that is full, a clock that is set."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from case import Break, Run
from processes import REPOSITORY, Program, Record

CHECKPOINT = "checkpoints/*/step-*.ckpt"
DISK_MIB, FULL_SECONDS = 24, 10.0


def disk_full(what: str) -> Break:
    """A small disk under the store, the spool or the checkpoints, which another file fills for a while."""

    def breaks(run: Run) -> None:
        disk = run.folder / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(disk)], check=True)
        try:
            if what == "store":
                run.store = disk / "mlflow.db"
                shutil.move(run.folder / "mlflow.db", run.store)
                run.words.append(f"--tracking.tracking_uri=sqlite:///{run.store}")
            elif what == "checkpoints":
                (run.folder / "checkpoints").symlink_to(disk)
            else:
                _begin_elsewhere(run, disk)
            known = set(run.folder.glob(CHECKPOINT))
            program = run.fit("--resume=auto")
            if program.until(lambda: bool(set(run.folder.glob(CHECKPOINT)) - known)):
                _fill(disk / "filler")
                time.sleep(FULL_SECONDS)
                (disk / "filler").unlink()
            if program.end():
                run.bad(f"exit code {program.process.returncode}")
            run.finished()
        finally:
            subprocess.run(["umount", "-l", str(disk)], check=False)

    return breaks


def _begin_elsewhere(run: Run, disk: Path) -> None:
    """A run that was stopped, and whose spool now lies on the small disk."""
    program = run.fit()
    if program.until_file(CHECKPOINT):
        run.stop(program, signal.SIGTERM)
    (spool,) = (folder / "spool" for folder in run.folder.glob("checkpoints/*"))
    if spool.exists():
        shutil.move(spool, disk / "spool")
    else:
        (disk / "spool").mkdir()
    spool.symlink_to(disk / "spool")


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(bytes(1024))


def clock_set(seconds: float) -> Break:
    """The clock is set while the run goes on; meanwhile others look for dead runs and try to take it over."""

    def breaks(run: Run) -> None:
        clock = run.folder / "clock"
        clock.mkdir()
        (clock / "sitecustomize.py").write_text(CLOCK.format(file=clock / "offset"))
        path = os.pathsep.join([str(clock), str(REPOSITORY / "platform"), str(REPOSITORY)])
        program = run.fit(PYTHONPATH=path)
        if program.until_file(CHECKPOINT):
            (clock / "offset").write_text(str(seconds))
            Program(run.folder, "runs", PYTHONPATH=path).end()
            thief = run.fit("--resume", PYTHONPATH=path)
            if thief.end() == 0 and program.process.poll() is None:
                run.bad("a second process was let in")
            status = Record(run.store).status
            if program.process.poll() is None and status != "RUNNING":
                run.bad(f"a living run is {status}")
        if program.end():
            run.bad(f"exit code {program.process.returncode}")
        run.finished()

    return breaks


CLOCK = """
import pathlib, time
_time, _file = time.time, pathlib.Path("{file}")
time.time = lambda: _time() + (float(_file.read_text() or 0) if _file.exists() else 0.0)
"""
