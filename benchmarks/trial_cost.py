"""What a search adds to a trial: from its process's start to the first update, from the last to the record.

    python benchmarks/trial_cost.py [--repeats 5]

A trial is a process, so it pays for importing torch, Lightning and MLflow. That floor, and a trial of a
search on a small network, are taken in turn in one run. Printed are medians of the time to the first forward
pass of training, of that from the last one of all (which is of validation) to the end of the process, when
everything is recorded, and of what is above the floor. The tracking store is a SQLite file that is there.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from elman.cores import Elman

FLOOR = "import torch, pytorch_lightning, mlflow, jsonargparse"
STAMPS = "ELMAN_STAMPS"
RECIPE = """\
model:
  core: {class_path: trial_cost.Stamped, init_args: {hidden_size: 32}}
  bptt: {class_path: Truncated, init_args: {k1: 8, k2: 16}}
data: {class_path: Echo, init_args: {lag: 8, steps: 60}}
trainer: {max_time_steps: 20_000, val_every: 20_000, accelerator: cpu, threads: 1}
"""
SEARCH = """\
recipe: base.yaml
space:
  model.bptt.k1: {low: 7, high: 8}
objectives: {val/bits_per_step: minimize}
budget: {trials: 1}
"""


class Stamped(Elman):
    """An Elman network that leaves the times of its first and its last forward pass."""

    def forward(self, *given: Any, **more: Any) -> Any:
        with open(os.environ[STAMPS], "a") as file:
            file.write(f"{time.time()}\n")
        return super().forward(*given, **more)


def floor() -> float:
    began = time.time()
    subprocess.run([sys.executable, "-c", FLOOR], check=True)
    return time.time() - began


def trial(folder: Path, number: int) -> tuple[float, float]:
    """Seconds before the first and after the last forward pass of a trial's process."""
    from elman.search.space.definition import read_search
    from elman.search.workers.driver import Driver
    from elman.search.workers.places import places
    from elman.search.workers.session import open_session
    from elman.search.workers.work import work

    times: dict[str, float] = {}

    class Timed(Driver):
        def _start(self, *given: Any) -> None:
            super()._start(*given)
            ((process, _),) = self.running.values()
            times["began"] = time.time() - process.seconds
            stamps.write_text("")  # the search has tried the recipe before

        def _ended(self, number: int) -> None:
            self.running[number][0].wait()
            times["ended"] = time.time()
            super()._ended(number)

    stamps = folder / "stamps"
    os.environ[STAMPS] = str(stamps)
    session = open_session(read_search([str(folder / "search.yaml"), f"--name={number}"]), None)
    here = places(workers=1, gpus_per_trial=0, gpus=[], cores=1)
    work(Timed(session, here))
    passes = [float(line) for line in stamps.read_text().split()]
    return passes[0] - times["began"], times["ended"] - passes[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    here = str(Path(__file__).parent)
    sys.path.insert(0, here)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))
    floors, before, after = [], [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chdir(folder)
        (folder / "base.yaml").write_text(RECIPE)
        (folder / "search.yaml").write_text(SEARCH)
        for number in range(options.repeats + 1):
            first, last = trial(folder, number)
            if number:  # the first one makes the store
                floors.append(floor())
                before.append(first)
                after.append(last)
    rows = {"import floor": floors, "start to first update": before, "last pass to recorded": after}
    both = [first + last - least for first, last, least in zip(before, after, floors, strict=True)]
    for name, seconds in {**rows, "both, above the floor": both}.items():
        print(f"{name:>24} {statistics.median(seconds):6.2f} s  ({min(seconds):.2f} to {max(seconds):.2f})")


if __name__ == "__main__":
    main()
