"""What two processes that train together pay for it, update by update, at the same batch a process.

    python benchmarks/ranks.py [--blocks 7]

Two processes, one thread each, blocks in turn: both train alone, together, alone once more. All three keep
both processes busy with the same windows; together they sum their gradients over gloo. The second block alone
against the first shows how far identical work differs. Ratios are of time per update, block against
neighbouring block; printed are the median and the range, by the first process.

lstm: LSTM of 128, 32 rows, windows of 50 steps, 10 a batch, Adam.
tanh: tanh network of 64, 16 rows, windows of 5 steps, 100 a batch, SGD.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import statistics
import time
import warnings
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytorch_lightning as pl
import torch
import torch.distributed as dist

from datamodules.batches import Batches
from elman.batch import SequenceBatch, whole
from elman.bptt import Truncated
from elman.cores import LSTM, Elman
from elman.run.parallel import FlatGradientStrategy
from elman.tasks import SequenceTask, SquaredError
from elman.tracking.ui import free_port

FEATURES = 16


@dataclass(frozen=True)
class Work:
    core: Any
    optimizer: Any
    rows: int
    k: int
    windows: int  # of a batch
    batches: int  # of a block


WORKS = {
    "lstm": Work(partial(LSTM, hidden_size=128), torch.optim.Adam, 32, 50, 10, 2),
    "tanh": Work(partial(Elman, hidden_size=64), partial(torch.optim.SGD, lr=0.01), 16, 5, 100, 6),
}


class Clock(pl.Callback):
    """The seconds from the end of the first batch to the end of the last."""

    def on_train_batch_end(self, trainer: Any, task: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx == 0:
            self.begun = time.perf_counter()
        self.seconds = time.perf_counter() - self.begun


def block(work: Work, *, together: bool, rank: int) -> float:
    """Milliseconds an update."""
    torch.manual_seed(1)
    task = SequenceTask(
        input_size=FEATURES,
        output_size=FEATURES,
        token_ids=False,
        core=work.core,
        bptt=Truncated(k1=work.k, k2=work.k),
        loss=SquaredError(),
        optimizer=work.optimizer,
    )
    draw = torch.Generator().manual_seed(rank)
    shape = (work.rows, work.k * work.windows, FEATURES)
    batch: SequenceBatch = whole(torch.randn(shape, generator=draw), torch.randn(shape, generator=draw))
    clock = Clock()
    trainer = pl.Trainer(
        max_epochs=1,
        accelerator="cpu",
        devices=2 if together else 1,
        strategy=FlatGradientStrategy(process_group_backend="gloo") if together else "auto",
        callbacks=[clock],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    dist.barrier()
    trainer.fit(task, Batches(lambda index: batch, length=work.batches + 1))
    return 1000 * clock.seconds / (work.batches * work.windows)


def train(rank: int, port: int, blocks: int) -> None:
    os.environ.update(
        MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), LOCAL_RANK=str(rank), NODE_RANK="0", WORLD_SIZE="2"
    )
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    dist.init_process_group("gloo", rank=rank, world_size=2)
    for name, work in WORKS.items():
        times = [
            [block(work, together=together, rank=rank) for together in (False, True, False)]
            for _ in range(1 + blocks)
        ][1:]
        if rank:
            continue
        alone = statistics.median(first for first, _, _ in times)
        print(f"{name}: {alone:.3f} ms an update alone", flush=True)
        for what, index in (("together against alone", 1), ("alone against alone", 2)):
            ratios = sorted(found[index] / found[0] for found in times)
            middle = statistics.median(ratios)
            print(f"  {what}: {middle:.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--blocks", type=int, default=7)
    given, port = parser.parse_args(), free_port(0)
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=train, args=(rank, port, given.blocks)) for rank in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
