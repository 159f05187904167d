"""What tracking costs the thread that trains, whatever mood its store is in.

    python benchmarks/tracking.py [--blocks 9] [--updates 400]

An update is a matrix product of about 5 ms. Blocks of updates in turn, in one process: with six metrics
logged after each update and what was logged put on the disk at the end, as before a checkpoint; without; and
without once more. Printed for a SQLite store, a server that works, one that answers 200 ms late, one that
answers 500, one that never answers, and one that refuses connections: the share of a block's time spent in
calls of the logger, what putting it on the disk takes, and the median and range of a block's time against the
block without beside it, with and without tracking (the latter is what identical code differs by).
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
sys.path.insert(0, str(Path(__file__).parent / "faults"))

import torch
from server import Server

from elman.tracking.logger import RunLogger

UPDATE_SECONDS = 0.005
METRICS = {f"train/metric_{i}": 0.5 for i in range(6)}
MOODS = ("well", "slow", "broken", "hanging", "shut")


class Work:
    """An update of about 5 ms, the same for all blocks."""

    def __init__(self) -> None:
        self.left, self.right = torch.randn(256, 256), torch.randn(256, 256)
        began, count = time.perf_counter(), 0
        while time.perf_counter() - began < 1.0:
            self.left @ self.right
            count += 1
        self.products = max(1, round(count * UPDATE_SECONDS))

    def update(self) -> None:
        for _ in range(self.products):
            self.left @ self.right


def block(work: Work, updates: int, logger: RunLogger | None, first: int) -> tuple[float, float, float]:
    """(seconds, those of them in calls of the logger, those for the disk alone)."""
    began, called, disk = time.perf_counter(), 0.0, 0.0
    for number in range(first, first + updates):
        work.update()
        if logger is not None:
            before = time.perf_counter()
            logger.log_metrics(METRICS, step=number)
            called += time.perf_counter() - before
    if logger is not None:
        before = time.perf_counter()
        logger.flush()
        disk = time.perf_counter() - before
    return time.perf_counter() - began, called + disk, disk


def measure(name: str, uri: str, work: Work, *, blocks: int, updates: int) -> None:
    logger = RunLogger(tracking_uri=uri)
    logger.start()
    tracked, again, share, disks = [], [], [], []
    for number in range(blocks):
        seconds, called, disk = block(work, updates, logger, number * updates)
        plain, *_ = block(work, updates, None, 0)
        once_more, *_ = block(work, updates, None, 0)
        tracked.append(seconds / plain)
        again.append(once_more / plain)
        share.append(called / seconds)
        disks.append(1000 * disk)
    logger.close("KILLED")
    print(
        f"{name:<10} calls {statistics.median(share):.2%} (at most {max(share):.2%}), "
        f"disk {statistics.median(disks):.1f} ms, "
        f"time {statistics.median(tracked):.3f} ({min(tracked):.3f} to {max(tracked):.3f}), "
        f"A/A {statistics.median(again):.3f} ({min(again):.3f} to {max(again):.3f})",
        flush=True,
    )


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--blocks", type=int, default=9)
    asked.add_argument("--updates", type=int, default=400)
    options = asked.parse_args()
    torch.set_num_threads(1)
    work = Work()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.chdir(folder)
        os.environ["XDG_STATE_HOME"] = place
        server = Server(folder)
        server.start()
        try:
            measure("SQLite", f"sqlite:///{place}/mlflow.db", work, **vars(options))
            for mood in MOODS:
                server.mood = mood
                measure(mood, server.address, work, **vars(options))
        finally:
            server.end()
    os._exit(0)  # calls to a server that hangs are not waited for


if __name__ == "__main__":
    main()
