"""What it costs to change the gradient of the state between steps, in the scan and in the native kernel.

    python benchmarks/way_back.py [--rounds 25] [--sizes 64x16,128x64]

A core and a loss at every step, forward and backward, in turn without options, with credit that decays, with
clipping and with both, and once more without, which shows how far identical code differs. A core that is no
cell, step by step with clipping. Ratios are of one thread's CPU time to the first of the same round: medians.
"""

from __future__ import annotations

import argparse
import statistics
import time
from functools import partial

import torch

from elman.cores import GRU, LSTM, Cell, Elman, Pooled
from elman.cores.crossing import Crossing, step_by_step

STEPS = 100
TURNS = {
    "none": None,
    "decay": Crossing(0.9),
    "clip": Crossing(clip=0.1),
    "both": Crossing(0.9, 0.1),
    "again": None,
}


def seconds(core: Cell, x: torch.Tensor, crossing: Crossing | None) -> float:
    core.stack.crossing = crossing
    core.zero_grad()
    began = time.thread_time()
    out, _ = core(x, core.initial_carry(len(x)))
    out.square().sum().backward()
    return time.thread_time() - began


def measure(cell: type[Cell], kernel: str, hidden: int, rows: int, rounds: int) -> str:
    torch.manual_seed(1)
    core = cell(32, hidden_size=hidden, kernel=kernel)
    x = torch.randn(rows, STEPS, 32)
    times = [[seconds(core, x, crossing) for crossing in TURNS.values()] for _ in range(rounds + 2)][2:]
    ratios = [statistics.median(turn[i] / turn[0] for turn in times) for i in range(1, len(TURNS))]
    said = ", ".join(f"{name} {ratio:.2f}" for name, ratio in zip(list(TURNS)[1:], ratios, strict=True))
    ms = 1000 * statistics.median(turn[0] for turn in times)
    return f"{cell.__name__} {kernel}, {hidden} units, {rows} rows: {said}; without {ms:.1f} ms"


def measure_by_step(hidden: int, rows: int, rounds: int) -> str:
    torch.manual_seed(1)
    core = Pooled(32, core=partial(LSTM, hidden_size=hidden))
    x, times = torch.randn(rows, STEPS, 32), []
    by_step = partial(step_by_step, core, resets=None, crossing=Crossing(clip=0.1))
    for _ in range(rounds + 2):
        for run in (core, by_step):
            core.zero_grad()
            began = time.thread_time()
            out, _ = run(x, core.initial_carry(rows), lengths=None)
            out.square().sum().backward()
            times.append(time.thread_time() - began)
    ratio = statistics.median(b / a for a, b in zip(times[4::2], times[5::2], strict=True))
    return f"Pooled LSTM, {hidden} units, {rows} rows: step by step {ratio:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--sizes", default="64x16,128x64", help="units x rows")
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    for size in given.sizes.split(","):
        hidden, rows = map(int, size.split("x"))
        for cell in (Elman, GRU, LSTM):
            for kernel in ("scan", "native"):
                print(measure(cell, kernel, hidden, rows, given.rounds), flush=True)
        print(measure_by_step(hidden, rows, given.rounds), flush=True)


if __name__ == "__main__":
    main()
