"""Stores and servers that go away."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from case import Break, Run
from processes import Program
from server import Server

if TYPE_CHECKING:
    from standing import Postgres

CHECKPOINT = "checkpoints/*/step-*.ckpt"


def served(mood: str, *, seconds: float | None = None, from_start: bool = False) -> Break:
    """A server that is in a mood for a while; None: until the run has ended."""

    def breaks(run: Run) -> None:
        server = Server(run.folder)
        if mood != "shut":
            server.start()
        try:
            run.store = server.store
            run.words.append(f"--tracking.tracking_uri={server.address}")
            if from_start:
                server.become(mood)
            program = run.fit()
            if from_start or program.until_file(CHECKPOINT):
                _out_for(seconds, program, lambda: server.become(mood), lambda: server.become("well"), run)
            if mood == "shut":
                server.start()
            server.become("well")
            run.finished()
        finally:
            server.end()

    return breaks


def database_stopped(*, served: bool, seconds: float | None = None) -> Break:
    """PostgreSQL is stopped in the middle of what it does and started again, below a server or alone."""

    def breaks(run: Run) -> None:
        with _postgres() as postgres:
            run.store = postgres.url("postgres")
            server = Server(run.folder, str(run.store)) if served else None
            try:
                if server:
                    server.start()
                run.words.append(f"--tracking.tracking_uri={server.address if server else run.store}")
                program = run.fit()
                if program.until_file(CHECKPOINT):
                    _out_for(seconds, program, postgres.stop, postgres.start, run)
                run.finished()
            finally:
                if server:
                    server.end()

    return breaks


def store_locked(run: Run) -> None:
    """Another program holds the SQLite store for 20 seconds."""
    program = run.fit()
    if program.until_file(CHECKPOINT):
        with closing(sqlite3.connect(run.store, timeout=60)) as database:
            _out_for(20.0, program, lambda: database.execute("BEGIN EXCLUSIVE"), database.rollback, run)
    run.finished()


def store_gone(run: Run) -> None:
    """The store's file is moved away under the run, and put back when it has ended."""
    store, away = run.folder / "mlflow.db", run.folder / "away.db"

    def put_back() -> None:
        _delete(store)
        away.rename(store)

    program = run.fit()
    if program.until_file(CHECKPOINT):
        time.sleep(run.dice.uniform(0, 1))
        _out_for(None, program, lambda: store.rename(away), put_back, run)
    run.finished()


def store_deleted(run: Run) -> None:
    """The store is deleted for good: the run trains to its end, and `elman sync` says what waits for it."""
    program = run.fit()
    if program.until_file(CHECKPOINT):
        time.sleep(run.dice.uniform(0, 1))
        _out_for(None, program, lambda: _delete(run.folder / "mlflow.db"), lambda: None, run)
    if run.sync() != 1 or "put that store back" not in program.output.read_text():
        run.bad("elman sync does not say what is missing")
    run.verdict.compare_weights(run.folder, run.reference)


def _out_for(
    seconds: float | None, program: Program, out: Callable[[], object], back: Callable[[], object], run: Run
) -> None:
    """Have something go and, after a while or when the run has ended, come back; the run must end well."""
    out()
    if seconds is not None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and program.process.poll() is None:
            time.sleep(0.05)
        back()
    code = program.end()
    run.verdict.slowest = max(run.verdict.slowest, time.monotonic() - program.began)
    if code:
        run.bad(f"exit code {code}")
    if seconds is None:
        back()


def _delete(store: Path) -> None:
    for file in store.parent.glob(f"{store.name}*"):
        file.unlink()


@contextmanager
def _postgres() -> Iterator[Postgres]:
    from standing import Postgres

    folder = Path(tempfile.mkdtemp(prefix="elman-faults-pg-"))  # which its user may enter
    postgres = Postgres(folder)
    try:
        yield postgres
    finally:
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)
