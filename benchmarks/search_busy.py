"""How busy a search keeps its workers when trials last unequally long.

    python benchmarks/search_busy.py [--trials 24] [--workers 2] [--shortest 2] [--longest 12]

Trials are processes that wait and speak as real ones do, so that what is measured is the search: how long a
free worker stays without a trial. Busy is the time in which a worker has a trial's process, over the time
from the first start to the last end, for all workers; with the best possible order of the same durations the
last worker would still wait for the longest trial, so the share while trials remain is printed too.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

BASE = """\
model: {bptt: {class_path: Truncated, init_args: {k1: 4, k2: 8}}}
data: {class_path: Echo, init_args: {lag: 2, steps: 12}}
trainer: {max_time_steps: 1000, val_every: 100}
"""
SEARCH = """\
recipe: base.yaml
space:
  model.bptt.k1: {low: 2, high: 8}
objectives: {val/bits_per_step: minimize}
"""


def wait(seconds: float) -> None:
    """What a trial's process does here."""
    line = socket.socket(fileno=int(os.environ["ELMAN_TRIAL_SOCKET"]))
    time.sleep(seconds)
    figures = {"val/bits_per_step": seconds}
    line.sendall(json.dumps({"kind": "report", "time_steps": 100, "rung": 100, "figures": figures}).encode())
    line.sendall(b"\n")
    line.recv(1000)
    line.sendall(b'{"kind": "end", "time_steps": 100, "figures": {}}\n')


def search(options: argparse.Namespace) -> list[tuple[float, float]]:
    """Start and end of every trial."""
    from elman.search.space.definition import read_search
    from elman.search.workers.driver import Driver
    from elman.search.workers.places import places
    from elman.search.workers.session import open_session
    from elman.search.workers.work import work

    random.seed(options.seed)
    spans: dict[int, list[float]] = {}

    class Timed(Driver):
        def _start(self, asked: Any, lease: Any) -> None:
            seconds = random.uniform(options.shortest, options.longest)
            self.program = [sys.executable, "-S", __file__, "--wait", str(seconds)]
            super()._start(asked, lease)
            spans[asked.number] = [self.running[asked.number][0].began]

        def _ended(self, number: int) -> None:
            process = self.running[number][0]
            process.wait()
            spans[number].append(process.began + process.seconds)
            super()._ended(number)

    words = ["search.yaml", f"--budget.trials={options.trials}"]
    session = open_session(read_search(words), None)
    here = places(workers=options.workers, gpus_per_trial=0, gpus=[], cores=options.workers)
    work(Timed(session, here))
    return [(start, end) for start, end in spans.values()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--shortest", type=float, default=2.0, help="seconds")
    parser.add_argument("--longest", type=float, default=12.0, help="seconds")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("base.yaml").write_text(BASE)
        Path("search.yaml").write_text(SEARCH)
        spans = search(options)
    begin, end = min(start for start, _ in spans), max(end for _, end in spans)
    last_start = max(start for start, _ in spans)
    busy = sum(end - start for start, end in spans)
    before = sum(min(end, last_start) - start for start, end in spans)
    print(f"busy {busy / (options.workers * (end - begin)):.3f} of {end - begin:.1f} s")
    print(f"busy {before / (options.workers * (last_start - begin)):.3f} while trials remained to be started")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--wait"]:
        wait(float(sys.argv[2]))
    else:
        main()
