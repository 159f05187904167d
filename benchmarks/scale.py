"""What reading a large study costs: time, memory, and what a search sends to the store as it grows.

    python benchmarks/scale.py [--trials 5000] [--runs 2000] [--sent 400] [--code FOLDER]

No trial is trained: `tests/large_studies.py` writes the store. Each command is a process of its own, and what
it costs above the import is the processor time of the same command on a study of three trials taken off. With
`--code` the commands are those of another working tree, as `git worktree add FOLDER COMMIT` makes one.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
FEW = 3  # trials of the study that shows what the import costs
READING = (("report", "--output=report.html"), ("best",), ("runs",))
LISTING = (("runs",), ("runs", "--limit=0"), ("runs", "--sort=best", "--limit=20"))


def measured(command: tuple[str, ...], folder: Path, code: Path) -> tuple[float, float]:
    """Processor seconds of a command and the most MiB that it held."""
    program = "import resource, sys; from elman.cli import run; sys.argv[0] = 'elman'\n"
    program += "try: run()\nexcept SystemExit as end: assert not end.code, end\n"
    program += "used = resource.getrusage(resource.RUSAGE_SELF)\n"
    program += "print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, file=sys.stderr)"
    paths = f"{code / 'platform'}:{code}"
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-c", program, *command]
    found = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if found.returncode:
        raise SystemExit(found.stderr)
    seconds, size = map(float, found.stderr.strip().splitlines()[-1].split())
    return seconds, size


def compared(title: str, large: Path, few: Path, commands: Any, code: Path) -> None:
    """A line for each command."""
    print(f"\n{title}")
    for name, *rest in commands:
        command = (name, "char_lm", *rest)
        start, _ = measured(command, few, code)
        seconds, size = measured(command, large, code)
        shown = " ".join(("elman", *command))
        print(f"  {shown:<46} {seconds - start:7.1f} s above the import, {size:6.0f} MiB in all", flush=True)


class Counting:
    """Stands where a study's runs are, and counts the bytes of what is sent to MLflow."""

    id, experiment_id = "1", "1"

    def __init__(self) -> None:
        self.run, self.sent, self.calls = self, 0, 0

    def _count(self, *texts: str) -> None:
        self.sent, self.calls = self.sent + sum(map(len, texts)), self.calls + 1

    def note(self, text: str) -> None:
        self._count(text)

    def text(self, text: str, name: str) -> None:
        self._count(text)

    def files(self, folder: Path, name: str) -> None:
        for path in folder.rglob("*.*"):
            self._count("x" * path.stat().st_size)

    view = experiment_note = note

    def metrics(self, values: dict[str, float], *, step: int) -> None:
        self._count(*values)

    def result(self, run: str, objectives: Any, **more: Any) -> None:
        self._count(run)


def sent(trials: int) -> None:
    """Publish a study after each trial that ends, and print how much was sent of how many."""
    sys.path.insert(0, str(HERE / "tests"))
    from study_toys import realistic

    from elman.search.report.publisher import Publisher

    whole, counting = realistic(trials, running=False), Counting()
    with tempfile.TemporaryDirectory() as folder:
        given: Any = counting
        publisher = Publisher(given, Path(folder), recipe=lambda number: "model: {}\n" * 50)
        publish = getattr(publisher, "_step", None) or publisher._quick
        for count in range(1, trials + 1):
            publish(replace(whole, trials=whole.trials[:count]))
            if count in (trials // 4, trials // 2, trials):
                print(f"  {count:5} trials ended: {counting.sent / count / 1e3:8.1f} kB sent for each")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--trials", type=int, default=5000, help="of the study that is read")
    parser.add_argument("--runs", type=int, default=2000, help="of the experiment that is listed")
    parser.add_argument("--sent", type=int, default=400, help="trials of the search whose sending is counted")
    parser.add_argument("--code", type=Path, default=HERE, help="another working tree of elman")
    parser.add_argument("--only-send", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only_send:
        sent(options.sent)
        return
    sys.path.insert(0, str(HERE / "tests"))
    from large_studies import large, write_store

    code = options.code.resolve()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name, count, nested in (
            ("few", FEW, True),
            ("study", options.trials, True),
            ("trials", options.runs, True),
            ("runs", options.runs, False),
        ):
            (folder / name).mkdir()
            write_store(folder / name, large(count), nested=nested)
        few = folder / "few"
        compared(f"a study of {options.trials:,} trials", folder / "study", few, READING, code)
        compared(f"a study of {options.runs:,} trials", folder / "trials", few, LISTING, code)
        compared(f"{options.runs:,} runs without a study", folder / "runs", few, LISTING, code)
    print("\nsent to MLflow while a search runs", flush=True)
    words = [sys.executable, __file__, "--only-send", f"--sent={options.sent}"]
    environment = {**os.environ, "PYTHONPATH": f"{code / 'platform'}:{code}"}
    subprocess.run(words, env=environment, check=True)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(f"\nwriting the stores took {used.ru_utime + used.ru_stime:.0f} s")


if __name__ == "__main__":
    main()
