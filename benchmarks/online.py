"""Credit traced forward in time: what a step costs, and that memory does not depend on the length.

    python benchmarks/online.py [--cell Elman] [--sizes 32,64,128] [--turns 7] [--dense 32]
    python benchmarks/online.py --memory 1000,10000,100000

The first prints milliseconds of CPU time for a step of 16 rows with 32 inputs, from the window to the
gradient in the weights, a loss at every step, on one thread: the median over turns of 50 steps, and its ratio
to a step of back-propagation in windows of 50 (torch's fused module, same turn). There is a gradient after
every step, and after every 10. Dense RTRL runs at the sizes of --dense alone. The second prints, for streams
of these lengths, by how much the most memory that the process has used grew while it trained on one row.
"""

from __future__ import annotations

import argparse
import itertools
import resource
import statistics
import time
from collections.abc import Iterator
from typing import Any

import torch

from elman.batch import SequenceBatch, whole
from elman.bptt import KFRTRL, RTRL, UORO, BackpropThroughTime, DiagonalRTRL, EProp, Full, SnAp1, Truncated
from elman.cores import GRU, LSTM, Cell, Elman, IndRNN
from elman.tasks import SequenceTask, SquaredError

ROWS, FEATURES, WINDOW = 16, 32, 50
CELLS: dict[str, type[Cell]] = {"Elman": Elman, "GRU": GRU, "LSTM": LSTM}


def made_task(cell: type[Cell], hidden: int, bptt: BackpropThroughTime, **options: str) -> SequenceTask:
    torch.manual_seed(1)
    return SequenceTask(
        input_size=FEATURES,
        output_size=4,
        token_ids=False,
        core=lambda size: cell(size, hidden_size=hidden, **options),
        bptt=bptt,
        loss=SquaredError(),
    )


def batches(rows: int, steps: int, each: int) -> Iterator[SequenceBatch]:
    """A stream, drawn batch by batch."""
    first = True
    for start in range(0, steps, each):
        batch = whole(torch.randn(rows, each, FEATURES), torch.randn(rows, each, 4))
        if not first:
            batch = batch._replace(begins=torch.zeros_like(batch.begins))
        first = False
        yield batch._replace(is_last=start + each >= steps)


def train(task: SequenceTask, stream: Iterator[SequenceBatch]) -> None:
    """Every gradient of the strategy, without an optimiser."""
    state = None
    for batch in stream:
        state = state or task.bptt.first_state(task.network.core.initial_carry(len(batch.x)))
        for update in task.bptt.losses(task.objective, batch, state):
            state = update.state
            if update.loss is not None:
                update.loss.backward()


def milliseconds(task: SequenceTask, batch: SequenceBatch) -> float:
    start = time.process_time()
    train(task, iter([batch]))
    return (time.process_time() - start) * 1e3 / batch.steps


def times(cell: str, sizes: list[int], dense: list[int], turns: int) -> None:
    for hidden in sizes:
        tasks = {"fused": made_task(CELLS[cell], hidden, Full(), kernel="fused")}
        kinds: list[Any] = [SnAp1, EProp, UORO, KFRTRL, DiagonalRTRL, *([RTRL] if hidden in dense else [])]
        for kind, k1 in itertools.product(kinds, (1, 10)):
            of = IndRNN if kind is DiagonalRTRL else CELLS[cell]
            tasks[f"{kind.__name__} k1={k1}"] = made_task(of, hidden, kind(k1=k1))
        (batch,) = batches(ROWS, WINDOW, WINDOW)
        found: dict[str, list[float]] = {name: [] for name in tasks}
        for turn in range(turns + 1):
            for name, task in tasks.items():
                spent = milliseconds(task, batch)
                if turn:  # the first warms caches
                    found[name].append(spent)
        for name, spent in found.items():
            ratio = statistics.median(a / b for a, b in zip(spent, found["fused"], strict=True))
            middle = statistics.median(spent)
            print(f"{cell} H={hidden:<4} {name:24} {middle:8.3f} ms a step  {ratio:7.1f} times")


def memory(lengths: list[int]) -> None:
    for bptt in (SnAp1(), UORO(), KFRTRL(), RTRL(), Truncated(k1=WINDOW, k2=WINDOW)):
        task = made_task(Elman, 16, bptt)
        train(task, batches(1, 100, 100))
        for length in lengths:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            train(task, batches(1, length, 100))
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            print(f"{type(bptt).__name__:12} T={length:<8} {grown:8.2f} MiB more than before")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--cell", choices=sorted(CELLS), default="Elman")
    parser.add_argument("--sizes", default="32,64,128")
    parser.add_argument("--dense", default="32")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--memory", default="")
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)

    def numbers(text: str) -> list[int]:
        return [int(number) for number in text.split(",") if number]

    if given.memory:
        memory(numbers(given.memory))
    else:
        times(given.cell, numbers(given.sizes), numbers(given.dense), given.turns)
