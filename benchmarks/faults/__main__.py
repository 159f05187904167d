"""The table of faults: elman is killed, cut off and given broken files, and goes on as if nothing had been.

    python benchmarks/faults [--only "kill;server"] [--times 10] [--workers 2] [--keep]

Each case runs a recipe in a folder of its own, breaks it at a random moment of its processor time, goes on
with `elman fit --resume=auto` until the run has finished, sends what is left with `elman sync`, and compares
with a run that nothing happened to: points lost, points doubled, a wrong status, a process that hangs or is
left behind, values and weights that are not bitwise equal. A good table holds zeros, or the exit code is 1.
As many cases as there are cores run at the same time.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cases import CASES, Case
from processes import Reference, Verdict, kill_all, orphans

COLUMNS = ("lost", "doubled", "status", "hang", "orphan", "unequal")


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--only", default="", help="cases, by how their names begin, between semicolons")
    asked.add_argument("--times", type=int, default=0, help="how often; 0: as each case says")
    asked.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="cases at the same time")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--keep", action="store_true", help="leave the folders of bad cases where they are")
    options = asked.parse_args()
    # A shell that starts this in the background has it ignore Ctrl-C, which its children would inherit.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    root = Path(tempfile.mkdtemp(prefix="elman-faults-"))
    references = References(root)
    bad, began = 0, time.monotonic()
    print(f"| {'fault':<44} | times | {' | '.join(COLUMNS)} | slowest end, s |")
    print(
        f"| {'-' * 44} | ----: | {' | '.join('-' * (len(c) - 1) + ':' for c in COLUMNS)} | -------------: |"
    )
    pool = ThreadPoolExecutor(options.workers)
    rows = []
    for case in CASES:
        if not options.only or any(case.name.startswith(word) for word in options.only.split(";")):
            numbers = () if case.lacking() else range(options.times or case.times)
            place = root / case.name.replace(" ", "-")
            made = [(f"{place}-{number}", options.seed + number) for number in numbers]
            rows.append((case, [pool.submit(_once, case, Path(p), references, seed) for p, seed in made]))
    try:
        for case, results in rows:
            if why := case.lacking():
                print(f"| {case.name:<44} | not run: {why} |")
            else:
                bad += _row(case, [result.result() for result in results])
    finally:
        pool.shutdown(cancel_futures=True)
    print(f"\n{time.monotonic() - began:.0f} s, {bad} bad")
    if not options.keep or not bad:
        shutil.rmtree(root, ignore_errors=True)
    return min(bad, 1)


def _row(case: Case, verdicts: list[Verdict]) -> int:
    """Print what came of a case; how much of it is bad."""
    cells = " | ".join(f"{sum(getattr(v, column) for v in verdicts):{len(column)}d}" for column in COLUMNS)
    slowest = max(verdict.slowest for verdict in verdicts)
    print(f"| {case.name:<44} | {len(verdicts):5d} | {cells} | {slowest:14.1f} |", flush=True)
    for number, verdict in enumerate(verdicts):
        for note in verdict.notes:
            print(f"  {case.name}, {number}: {note}", file=sys.stderr, flush=True)
    return sum(verdict.bad for verdict in verdicts)


class References:
    """A run of each recipe that nothing happened to, made when it is first asked for.

    Args:
        root: the folder of all cases.
    """

    def __init__(self, root: Path) -> None:
        self._root, self._made = root, dict[str, Reference]()
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)

    def of(self, case: Case) -> Reference:
        with self._locks[case.recipe]:
            if case.recipe not in self._made:
                place = self._root / f"reference-{case.recipe}"
                case.prepare(place)
                self._made[case.recipe] = Reference(place, "recipe.yaml", launcher=case.launcher)
        return self._made[case.recipe]


def _once(case: Case, folder: Path, references: References, seed: int) -> Verdict:
    verdict = Verdict()
    try:
        reference = references.of(case)
        case.prepare(folder)
        case.run(folder, reference, verdict, seed)
    except TimeoutError as error:
        verdict.hang += 1
        verdict.notes.append(str(error))
    except Exception as error:  # a case that cannot be carried out is a bad one
        verdict.status += 1
        verdict.notes.append(f"{type(error).__name__}: {error}")
    finally:
        kill_all(folder)
        orphans(folder, seconds=1)
    if not verdict.bad:
        shutil.rmtree(folder, ignore_errors=True)
    return verdict


if __name__ == "__main__":
    sys.exit(main())
