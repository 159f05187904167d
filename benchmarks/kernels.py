"""Kernels of one cell against each other, batch by batch, inside the product.

    python benchmarks/kernels.py [--works GRU-full,Elman-full] [--batches 9] [--threads 1]

One task trains in elman's trainer with tracking on and denormals flushed. Batches are evaluated in turn by
torch's fused module, by the scan, by the native kernel, and by the fused module once more, which shows how
far identical code differs. Ratios are of time per batch, to the fused one of the same round: median and
range. With one thread it is that thread's CPU time, which others on the machine disturb less. Beside them,
the time of the matrix products with h alone, and what each kernel keeps for the backward pass. Short windows
are measured too: the table in `elman.cores.kernels` says from how many steps on `auto` takes which kernel.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

from elman.batch import SequenceBatch, whole
from elman.bptt import BackpropThroughTime, Full, Truncated
from elman.cores import GRU, LSTM, Cell, Elman
from elman.cores.kernels import use_kernels
from elman.recipes.training import Training
from elman.run.trainer import make_trainer, prepare_process
from elman.tasks import SequenceTask, SquaredError
from elman.tracking.logger import RunLogger

TURNS = ("fused", "scan", "native", "fused")
CELLS: dict[str, type[Cell]] = {"Elman": Elman, "GRU": GRU, "LSTM": LSTM}


@dataclass(frozen=True)
class Work:
    """A cell on sequences whose last step alone has a target, or every one.

    Args:
        k: steps of a window and of an update; 0: the whole sequence.
        all_steps: every step has a target; otherwise windows before the last have no backward pass.
    """

    cell: str
    hidden: int
    rows: int
    steps: int
    k: int = 0
    all_steps: bool = False

    @property
    def bptt(self) -> BackpropThroughTime:
        return Truncated(k1=self.k, k2=self.k) if self.k else Full()

    def batches(self) -> list[SequenceBatch]:
        draw = torch.Generator().manual_seed(1)
        xs = [torch.randn(self.rows, self.steps, 2, generator=draw) for _ in range(3)]
        scored = torch.full((self.rows, self.steps), self.all_steps)
        scored[:, -1] = True
        return [whole(x, x[..., :1], scored=scored) for x in xs]

    def task(self) -> SequenceTask:
        torch.manual_seed(1)
        return SequenceTask(
            input_size=2,
            output_size=1,
            token_ids=False,
            core=lambda inputs: CELLS[self.cell](inputs, hidden_size=self.hidden),
            bptt=self.bptt,
            loss=SquaredError(),
        )

    def products(self) -> float:
        """Seconds of the products with h alone, forward, backward and for the weights, of one batch."""
        gates = CELLS[self.cell].gates * self.hidden
        h, g = torch.randn(self.rows, self.hidden), torch.randn(self.rows, gates)
        w, wt = torch.randn(gates, self.hidden), torch.randn(self.hidden, gates)
        learned = self.k if self.k and not self.all_steps else self.steps
        began = time.thread_time()
        for _ in range(self.steps):
            h @ wt
        for _ in range(learned):
            g @ w
        block = 16
        many_h, many_g = h.repeat(block, 1), g.repeat(block, 1)
        for _ in range(0, learned, block):
            many_g.t() @ many_h
        return time.thread_time() - began


WORKS = {
    "GRU-full": Work("GRU", 128, 64, 1000),
    "GRU-1000/100": Work("GRU", 128, 64, 1000, k=100),
    "Elman-full": Work("Elman", 128, 64, 1000),
    "LSTM-full": Work("LSTM", 128, 64, 1000),
    **{
        f"{cell}-{k}": Work(cell, 64, 16, 10 * k, k=k, all_steps=True)
        for cell in CELLS
        for k in (5, 10, 20, 50)
    },
}


class Forever:
    def __init__(self, batches: list[SequenceBatch]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return 10**9

    def __iter__(self) -> Any:
        while True:
            yield from self.batches


class InTurn(pl.Callback):
    """Each batch by the next kernel; the first round is not counted."""

    def __init__(self, rounds: int, *, threads: int) -> None:
        self.rounds, self.times, self.began = rounds, list[float](), 0.0
        self.clock = time.thread_time if threads == 1 else time.perf_counter

    def on_train_batch_start(self, trainer: pl.Trainer, task: Any, batch: Any, batch_idx: int) -> None:
        kernel = TURNS[batch_idx % len(TURNS)]
        use_kernels(task.network, {"core.stack": [kernel]})
        self.began = self.clock()

    def on_train_batch_end(
        self, trainer: pl.Trainer, task: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.times.append(self.clock() - self.began)
        trainer.should_stop = len(self.times) >= len(TURNS) * (self.rounds + 1)

    def ratios(self, turn: int) -> list[float]:
        rounds = [self.times[i : i + len(TURNS)] for i in range(len(TURNS), len(self.times), len(TURNS))]
        return [times[turn] / times[0] for times in rounds]


def kept_mib(work: Work, kernel: str) -> float:
    """What a forward pass over one batch keeps for its backward pass."""
    task, batch = work.task(), work.batches()[0]
    use_kernels(task.network, {"core.stack": [kernel]})
    seen: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        seen[storage.data_ptr()] = storage.nbytes()
        return tensor

    steps = work.k or work.steps
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        last = batch.window(batch.steps - steps, batch.steps)
        task.objective(last, task.network.core.initial_carry(work.rows))
    return sum(seen.values()) / 2**20


def measure(name: str, work: Work, *, rounds: int, threads: int) -> str:
    settings = Training(max_time_steps=10**12, progress=False, accelerator="cpu", threads=threads)
    prepare_process(settings)
    turns = InTurn(rounds, threads=threads)
    with tempfile.TemporaryDirectory() as folder:
        logger = RunLogger(tracking_uri=f"sqlite:///{folder}/mlflow.db", system_metrics=False)
        task = work.task()
        task.max_time_steps = 10**12
        trainer = make_trainer(
            settings,
            folder=Path(folder) / "checkpoints",
            monitor="val/mse",
            steps_per_batch=work.rows * work.steps,
            max_time_steps=10**12,
            logger=logger,
            callbacks=[turns],
        )
        trainer.limit_val_batches = 0
        trainer.fit(task, Forever(work.batches()))
        logger.close()
    fused = statistics.median(turns.times[len(TURNS) :: len(TURNS)])
    products = statistics.median(work.products() for _ in range(5))
    ratios = (
        f"{turn} / fused {statistics.median(r):.3f} ({min(r):.3f} to {max(r):.3f})"
        for turn, r in zip(TURNS[1:], map(turns.ratios, range(1, len(TURNS))), strict=True)
    )
    return (
        f"{name}: {', '.join(ratios)}, products alone {products / fused:.3f}, "
        f"kept {' and '.join(f'{kept_mib(work, kernel):.0f}' for kernel in TURNS[:3])} MiB, "
        f"{rounds} rounds, {threads} threads, fused {1000 * fused:.1f} ms a batch"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--works", default=",".join(WORKS))
    parser.add_argument("--batches", type=int, default=9, help="rounds counted")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    for name in given.works.split(","):
        print(measure(name, WORKS[name], rounds=given.batches, threads=given.threads), flush=True)


if __name__ == "__main__":
    main()
