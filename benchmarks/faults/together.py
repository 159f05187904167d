"""Many processes in the same second."""

from __future__ import annotations

import signal
import time

from case import Break, Run
from processes import Program, Record, every_record, orphans

SEARCH = """\
# Do searches that begin in one second end as they do alone?
recipe: recipe.yaml
fixed: {{trainer.max_time_steps: 6000}}
space: {{model.core.hidden_size: [8, 12]}}
objectives: {{val/bits_per_step: minimize}}
budget: {{trials: {trials}}}
name: number-{number}
"""


def two_resumes(run: Run) -> None:
    """A run that was killed is resumed by two: one goes on with it, the other is refused."""
    first = run.fit()
    if first.until_file("checkpoints/*/step-*.ckpt"):
        first.signal(signal.SIGKILL)
    codes = _ends([run.fit("--resume") for _ in range(2)], run)
    if first.process.returncode and codes.count(0) != 1:
        run.bad(f"exit codes {codes}")
    run.finished()


def fits(count: int) -> Break:
    """Runs that begin in the same second, the first of them in a store that none has made yet."""

    def breaks(run: Run) -> None:
        codes = _ends([run.fit(f"--seed_everything={number + 1}") for number in range(count)], run)
        records = every_record(run.store)
        _compare(run, codes, [record.status for record in records], count)
        wanted = set(run.reference.record.points)
        for record in records:
            run.verdict.lost += len(wanted - set(record.points))
            run.verdict.doubled += record.points.total() - len(record.points)

    return breaks


def searches(count: int, *, trials: int = 1) -> Break:
    """Searches that begin in the same second, in one folder and one store."""

    def breaks(run: Run) -> None:
        together = []
        for number in range(count):
            (run.folder / f"search-{number}.yaml").write_text(SEARCH.format(number=number, trials=trials))
            together.append(Program(run.folder, "search", f"search-{number}.yaml", "--workers=1"))
        codes = _ends(together, run)
        _compare(run, codes, Record(run.store).statuses, count * (trials + 1))
        for record in every_record(run.store):
            run.verdict.doubled += record.points.total() - len(record.points)

    return breaks


def _ends(together: list[Program], run: Run) -> list[int]:
    codes = [program.end() for program in together]
    run.verdict.slowest = max(run.verdict.slowest, time.monotonic() - together[0].began)
    run.verdict.orphan += orphans(run.folder)
    return codes


def _compare(run: Run, codes: list[int], statuses: list[str], count: int) -> None:
    if any(codes) or statuses != ["FINISHED"] * count:
        run.bad(f"exit codes {codes}, statuses {statuses}")
