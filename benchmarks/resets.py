"""What it costs that sequences begin inside rows, by how many do and by kernel.

    python benchmarks/resets.py [--works GRU-1000,LSTM-50] [--rounds 9] [--threads 1]

A core runs forward and backward over rows in which a sequence begins at each step with a probability. The
forms take turns in one process: without beginnings, once more without (which shows how far identical code
differs), and with them, by each kernel: the fused module in stretches, native, the scan. Ratios are of
processor time to the first: median and range. Denormals are flushed.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import torch

from elman.cores import GRU, LSTM, Cell, Elman
from elman.cores.resets import Resets

RATES = (0.0001, 0.001, 0.01, 0.1)


class Work(NamedTuple):
    """A cell over rows of some steps, every output of which counts."""

    cell: type[Cell]
    hidden: int
    rows: int
    steps: int
    inputs: int


WORKS = {
    "GRU-1000": Work(GRU, 128, 64, 1000, 2),
    "GRU-50": Work(GRU, 256, 32, 50, 128),
    "Elman-1000": Work(Elman, 128, 64, 1000, 2),
    "Elman-50": Work(Elman, 256, 32, 50, 128),
    "LSTM-50": Work(LSTM, 256, 32, 50, 128),
}


def trained(work: Work, kernel: str, rate: float | None) -> Callable[[], None]:
    """One forward and backward pass; rate None: nothing begins inside."""
    torch.manual_seed(1)
    core = work.cell(work.inputs, hidden_size=work.hidden, kernel=kernel)
    x = torch.randn(work.rows, work.steps, work.inputs)
    carry = core.initial_carry(work.rows)
    begins = torch.rand(work.rows, work.steps) < (rate or 0)
    parameters = list(core.parameters())

    def run() -> None:
        if rate is None:
            out, _ = core(x, carry)
        else:
            out, _ = core.forward_from(x, carry, None, Resets(begins, carry))
        torch.autograd.grad(out.square().sum(), parameters)

    return run


def measure(name: str, work: Work, *, rounds: int) -> None:
    forms: dict[str, Callable[[], None]] = {}
    for kernel in ("fused", "native", "scan"):
        forms[kernel] = trained(work, kernel, None)
        forms[f"{kernel} again"] = trained(work, kernel, None)
        for rate in RATES:
            forms[f"{kernel} {rate:.2%}"] = trained(work, kernel, rate)
    times: dict[str, list[float]] = {form: [] for form in forms}
    for number in range(rounds + 1):
        for form, run in forms.items():
            began = time.process_time()
            run()
            if number:
                times[form].append(time.process_time() - began)
    for form, taken in times.items():
        kernel = form.partition(" ")[0]
        ratios = [mine / base for mine, base in zip(taken, times[kernel], strict=True)]
        to_fused = statistics.median(m / f for m, f in zip(taken, times["fused"], strict=True))
        print(
            f"{name}, {form}: {statistics.median(ratios):.3f} of {kernel} without beginnings "
            f"({min(ratios):.3f} to {max(ratios):.3f}), {to_fused:.3f} of the fused module without"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--works", default=",".join(WORKS))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.set_flush_denormal(True)
    for name in given.works.split(","):
        measure(name, WORKS[name], rounds=given.rounds)


if __name__ == "__main__":
    main()
