"""What meters cost, in passes of training over as many steps.

    python benchmarks/meters.py [--cells Elman,LSTM] [--hidden 64] [--turns 3]

Prints seconds of CPU time for a reading by every meter with its defaults, of an untrained network on
sequences of 100 steps, on one thread, and how many steps of training in windows of 50 (64 rows, forward and
back) take as long: the median over turns, in which both run one after the other.
"""

from __future__ import annotations

import argparse
import statistics
import time
from types import SimpleNamespace
from typing import Any

import torch

from datamodules.batches import Batches
from elman.batch import whole
from elman.bptt import Truncated
from elman.cores import GRU, LSTM, Cell, Elman
from elman.diagnostics.meters import ALL
from elman.tasks import SequenceTask, SquaredError

ROWS, STEPS, FEATURES = 64, 100, 8
CELLS: dict[str, type[Cell]] = {"Elman": Elman, "GRU": GRU, "LSTM": LSTM}


def made(cell: str, hidden: int) -> SequenceTask:
    torch.manual_seed(1)
    return SequenceTask(
        input_size=FEATURES,
        output_size=4,
        token_ids=False,
        core=lambda size: CELLS[cell](size, hidden_size=hidden),
        bptt=Truncated(k1=50, k2=50),
        loss=SquaredError(),
    )


def data() -> Any:
    batches = [whole(torch.randn(ROWS, STEPS, FEATURES), torch.randn(ROWS, STEPS, 4)) for _ in range(4)]
    return SimpleNamespace(val_dataloader=lambda: Batches(batches.__getitem__, length=len(batches)))


def training_seconds(task: SequenceTask, given: Any) -> float:
    """Of a pass over one batch."""
    batch = given.val_dataloader().batch(0)
    start = time.process_time()
    state = task.bptt.first_state(task.network.core.initial_carry(ROWS))
    for update in task.bptt.losses(task.objective, batch, state):
        assert update.loss is not None
        update.loss.backward()
    return time.process_time() - start


def main(cells: list[str], hidden: int, turns: int) -> None:
    given = data()
    for cell in cells:
        task = made(cell, hidden)
        training_seconds(task, given)
        for kind in ALL:
            if kind.name == "update_health":  # which looks while training goes on
                continue
            spent, ratios = [], []
            for _ in range(turns):
                start = time.process_time()
                kind().reading(task, given)
                spent.append(time.process_time() - start)
                ratios.append(spent[-1] / training_seconds(task, given) * STEPS)
            middle = statistics.median(spent)
            print(
                f"{cell} {hidden}  {kind.__name__:18} {middle:7.2f} s  {statistics.median(ratios):9.0f} steps"
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--cells", default="Elman,LSTM")
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--turns", type=int, default=3)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    main(asked.cells.split(","), asked.hidden, asked.turns)
