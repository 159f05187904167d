"""The table of faults: elman is killed, cut off and given broken files, and goes on as if nothing had been.

    python benchmarks/faults [--only "kill;server"] [--times 10] [--keep]

Each case runs a recipe in a folder of its own, breaks it at a random moment of its processor time, goes on
with `elman fit --resume=auto` until the run has finished, sends what is left with `elman sync`, and compares
with a run that nothing happened to: points lost, points doubled, a wrong status, a process that hangs or is
left behind, values and weights that are not bitwise equal. A good table holds zeros, or the exit code is 1.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from cases import CASES, Case
from processes import Reference, Verdict, kill_all, orphans

COLUMNS = ("lost", "doubled", "status", "hang", "orphan", "unequal")


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--only", default="", help="cases, by how their names begin, between semicolons")
    asked.add_argument("--times", type=int, default=0, help="how often; 0: as each case says")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--keep", action="store_true", help="leave the folders of bad cases where they are")
    options = asked.parse_args()
    chosen = [
        case
        for case in CASES
        if not options.only or any(case.name.startswith(word) for word in options.only.split(";"))
    ]
    # A shell that starts this in the background has it ignore Ctrl-C, which its children would inherit.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    root = Path(tempfile.mkdtemp(prefix="elman-faults-"))
    references: dict[str, Reference] = {}
    bad, began = 0, time.monotonic()
    print(f"| {'fault':<44} | times | {' | '.join(COLUMNS)} | slowest end, s |")
    print(
        f"| {'-' * 44} | ----: | {' | '.join('-' * (len(c) - 1) + ':' for c in COLUMNS)} | -------------: |"
    )
    for case in chosen:
        if why := case.lacking():
            print(f"| {case.name:<44} | not run: {why} |")
            continue
        started = time.monotonic()
        total, times = Verdict(), options.times or case.times
        for number in range(times):
            place = root / f"{case.name.replace(' ', '-')}-{number}"
            verdict = _once(case, place, references, options.seed + number)
            for note in verdict.notes:
                print(f"  {case.name}, {number}: {note}", file=sys.stderr)
            if not verdict.bad:
                shutil.rmtree(place, ignore_errors=True)
            for column in COLUMNS:
                setattr(total, column, getattr(total, column) + getattr(verdict, column))
            total.slowest = max(total.slowest, verdict.slowest)
        bad += total.bad
        cells = " | ".join(f"{getattr(total, column):{len(column)}d}" for column in COLUMNS)
        print(f"| {case.name:<44} | {times:5d} | {cells} | {total.slowest:14.1f} |", flush=True)
        print(f"  {case.name}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    print(f"\n{time.monotonic() - began:.0f} s, {bad} bad")
    if not options.keep or not bad:
        shutil.rmtree(root, ignore_errors=True)
    return min(bad, 1)


def _once(case: Case, folder: Path, references: dict[str, Reference], seed: int) -> Verdict:
    verdict = Verdict()
    try:
        if case.recipe not in references:
            place = folder.with_name(f"reference-{case.recipe}")
            case.prepare(place)
            references[case.recipe] = Reference(place, "recipe.yaml", launcher=case.launcher)
        case.prepare(folder)
        case.run(folder, references[case.recipe], verdict, seed)
    except TimeoutError as error:
        verdict.hang += 1
        verdict.notes.append(str(error))
    except Exception as error:  # a case that cannot be carried out is a bad one
        verdict.status += 1
        verdict.notes.append(f"{type(error).__name__}: {error}")
    finally:
        kill_all(folder)
        orphans(folder, seconds=1)
    return verdict


if __name__ == "__main__":
    sys.exit(main())
