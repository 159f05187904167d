"""Processes that are stopped or killed, and checkpoints that are damaged between two starts."""

from __future__ import annotations

import signal

from case import Break, Run
from processes import Program, Record, family, orphans


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
    """One rank, or all of them with what started them; then the run is FAILED, not RUNNING."""

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
            if which != 1:  # nobody was left to say so
                Program(run.folder, "runs").end()
            if (status := Record(run.store).status) not in ("", "FAILED", "FINISHED"):
                run.bad(f"{status} after a kill")
        run.go_on()

    return breaks


def resumed_by_name(run: Run) -> None:
    """Stopped by SIGTERM to what started its ranks, and gone on with by its name alone, without a recipe."""
    program = run.fit()
    if run.at_a_random_moment(program, least=0.4):
        run.stop(program, signal.SIGTERM)
    record = Record(run.store)
    if record.status == "KILLED":
        run.words.clear()
        if code := run.fit("--resume", record.run).end():
            run.bad(f"--resume {record.run}: exit code {code}")
    run.finished()


def checkpoint_broken(how: str) -> Break:
    """The last checkpoint is damaged between two starts."""

    def breaks(run: Run) -> None:
        program = run.fit()
        there = program.until_file("checkpoints/*/step-*.ckpt") and run.at_a_random_moment(program, least=0.6)
        if there:
            run.stop(program, signal.SIGKILL)
        found = sorted(run.folder.glob("checkpoints/*/step-*.ckpt"))
        if there and len(found) > 1 and Record(run.store).status != "FINISHED":  # or nothing goes on
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
