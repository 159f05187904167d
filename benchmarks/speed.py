"""elman's own task, strategy and tracking against a hand-written PyTorch loop, update by update.

    python benchmarks/speed.py [--blocks 15] [--precision bf16-mixed]

One process, blocks in turn: elman, the loop, the loop once more. elman's blocks run inside its
trainer with MLflow tracking on a fresh SQLite store and the progress bar on, and end with the metrics
flushed; the second loop against the first shows how far identical code differs. Ratios are of time per
update, block against neighbouring block; printed are the median and the range. Both start from the same
weights and see the same data; the first losses are compared.

W1: 2-layer LSTM of 256, embedding 128, 96 symbols, 32 rows, k1 = k2 = 50, Adam.
W2: the same, k1 = 10, k2 = 50; the loop, too, computes the look-back again from a state that it kept.
W3: GRU of 128, 16 features, 64 rows, k1 = k2 = 20, Adam.
W4: tanh network of 64, 16 features, 16 rows, k1 = k2 = 5, SGD.
A sequence, and so a batch of elman, is 10 windows long in W1, 50 in W2 and W3 and 100 in W4 (`--windows` sets
it): what the trainer does for a batch is shared by its windows. Carries start at zero with each sequence.

The last figure is elman's own time for an update: all but the windows, there and back.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

from elman.batch import SequenceBatch, whole
from elman.bptt import Truncated
from elman.cores import GRU, LSTM, Elman
from elman.recipes.training import Training
from elman.run.trainer import make_trainer, prepare_process
from elman.tasks import CrossEntropy, SequenceTask, SquaredError
from elman.tasks import gradient as gradients
from elman.tracking.logger import RunLogger

CLIP = 1.0


@dataclass(frozen=True)
class Work:
    cell: str
    layers: int
    width: int
    rows: int
    k: int
    input_size: int
    output_size: int
    embedding: int | None
    windows: int  # of a sequence
    updates: int  # of a block
    look_back: int = 0  # k2 - k1

    def optimizer(self, parameters: Any) -> torch.optim.Optimizer:
        return (
            torch.optim.SGD(parameters, lr=0.01)
            if self.cell == "RNN"
            else torch.optim.Adam(parameters, lr=1e-3)
        )

    def batches(self) -> list[SequenceBatch]:
        draw = torch.Generator().manual_seed(1)
        steps = self.windows * self.k
        if self.embedding:
            ids = [torch.randint(self.input_size, (self.rows, steps + 1), generator=draw) for _ in range(4)]
            return [whole(i[:, :-1].contiguous(), i[:, 1:].contiguous()) for i in ids]
        xs = [torch.randn(self.rows, steps, self.input_size, generator=draw) for _ in range(10)]
        return [whole(x, torch.tanh(x[..., :1] + x[..., 1:2].roll(2, 1))) for x in xs]


WORKS = {
    "W1": Work("LSTM", 2, 256, 32, 50, 96, 96, 128, windows=10, updates=40),
    "W2": Work("LSTM", 2, 256, 32, 10, 96, 96, 128, windows=50, updates=50, look_back=40),
    "W3": Work("GRU", 1, 128, 64, 20, 16, 1, None, windows=50, updates=50),
    "W4": Work("RNN", 1, 64, 16, 5, 16, 1, None, windows=100, updates=1000),
}


class Loop:
    """What a careful user writes by hand: time-major, one window after another, state detached."""

    def __init__(self, work: Work, task: SequenceTask) -> None:
        self.work = work
        self.embedding = nn.Embedding(work.input_size, work.embedding) if work.embedding else nn.Identity()
        self.rnn = getattr(nn, work.cell)(work.embedding or work.input_size, work.width, work.layers)
        self.head = nn.Linear(work.width, work.output_size)
        self.net = nn.ModuleList([self.embedding, self.rnn, self.head])
        (kernel,) = [m for m in task.network.core.modules() if isinstance(m, nn.RNNBase)]
        self.rnn.load_state_dict(kernel.state_dict())
        self.head.load_state_dict(task.network.readout.state_dict())
        if task.network.embedding is not None:
            self.embedding.load_state_dict(task.network.embedding.state_dict())
        self.optimizer = work.optimizer(self.net.parameters())
        self.data = [
            (b.x.transpose(0, 1).contiguous(), b.y.transpose(0, 1).contiguous()) for b in work.batches()
        ]
        self.losses = self._run()

    def _run(self) -> Iterator[Tensor]:
        k, look_back = self.work.k, self.work.look_back
        while True:
            for x, y in self.data:
                state = None  # before the first step that the next window looks back to
                for end in range(k, len(x) + 1, k):
                    start, resume = max(0, end - k - look_back), max(0, end - look_back)
                    out, ys = x.new_empty(0), y[end - k : end]
                    if resume > start:
                        out, state = self.rnn(self.embedding(x[start:resume]), state)
                    if resume < end:
                        rest, _ = self.rnn(self.embedding(x[resume:end]), state)
                        out = torch.cat([out, rest]) if resume > start else rest
                    said = self.head(out[-k:])
                    if self.work.embedding:
                        loss = nn.functional.cross_entropy(said.flatten(0, 1), ys.flatten())
                    else:
                        loss = nn.functional.mse_loss(said, ys)
                    self.optimizer.zero_grad()
                    loss.backward()
                    nn.utils.clip_grad_norm_(self.net.parameters(), CLIP)
                    self.optimizer.step()
                    if state is not None:
                        state = (
                            state.detach() if isinstance(state, Tensor) else tuple(s.detach() for s in state)
                        )
                    yield loss

    def block(self) -> float:
        """Seconds per update."""
        began = time.perf_counter()
        for _ in range(self.work.updates):
            next(self.losses)
        return (time.perf_counter() - began) / self.work.updates


class Cycle:
    def __init__(self, batches: list[SequenceBatch]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return 10**9

    def __iter__(self) -> Iterator[SequenceBatch]:
        while True:
            yield from self.batches


class Windows:
    """Seconds that a task spends in its windows, there and back."""

    def __init__(self, task: SequenceTask) -> None:
        self.seconds, self.objective = 0.0, task.objective
        kind = type("Timed", (type(task.objective),), {"__call__": self._there})
        task.objective.__class__ = kind
        self.there, self.back = kind.__mro__[1].__call__, gradients._backward
        gradients._backward = self._back

    def _there(self, *given: Any) -> Any:
        began = time.perf_counter()
        found = self.there(self.objective, *given)
        self.seconds += time.perf_counter() - began
        return found

    def _back(self, loss: Any) -> None:
        began = time.perf_counter()
        self.back(loss)
        self.seconds += time.perf_counter() - began


class InTurn(pl.Callback):
    """After every block of elman's updates, a block of each loop; the trainer's clock stands meanwhile."""

    def __init__(self, loops: tuple[Loop, Loop], *, blocks: int, logger: RunLogger) -> None:
        self.loops, self.blocks, self.logger = loops, blocks, logger
        self.times: list[tuple[float, float, float]] = []
        self.own: list[float] = []
        self.began, self.made = 0.0, 0

    def on_train_start(self, trainer: pl.Trainer, task: Any) -> None:
        self.windows = Windows(task)
        self.began = time.perf_counter()

    def on_train_batch_end(
        self, trainer: pl.Trainer, task: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if task.updates.made - self.made < self.loops[0].work.updates:
            return
        self.logger.flush()
        spent, count = time.perf_counter() - self.began, task.updates.made - self.made
        self.own.append((spent - self.windows.seconds) / count)
        self.times.append((spent / count, self.loops[0].block(), self.loops[1].block()))
        self.made, self.windows.seconds = task.updates.made, 0.0
        trainer.should_stop = len(self.times) > self.blocks
        self.began = time.perf_counter()


def same_losses(work: Work) -> float:
    """Largest difference between the losses of the first sequence's updates."""
    task, loop = make(work), None
    loop = Loop(work, task)
    batch, optimizer, differences = work.batches()[0], work.optimizer(task.parameters()), []
    for update in task.bptt.losses(
        task.objective, batch, task.bptt.first_state(task.network.core.initial_carry(work.rows))
    ):
        loss = update.loss / update.scored
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(task.parameters(), CLIP)
        optimizer.step()
        differences.append(abs(float(loss.detach()) - float(next(loop.losses).detach())))
    return max(differences)


def make(work: Work) -> SequenceTask:
    torch.manual_seed(1)
    kinds = {"init": "torch"}
    core = {
        "LSTM": lambda inputs: LSTM(
            inputs, hidden_size=work.width, layers=work.layers, forget_bias=None, **kinds
        ),
        "GRU": lambda inputs: GRU(inputs, hidden_size=work.width, layers=work.layers, **kinds),
        "RNN": lambda inputs: Elman(inputs, hidden_size=work.width, layers=work.layers, **kinds),
    }[work.cell]
    return SequenceTask(
        input_size=work.input_size,
        output_size=work.output_size,
        token_ids=bool(work.embedding),
        core=core,
        bptt=Truncated(k1=work.k, k2=work.k + work.look_back),
        loss=CrossEntropy() if work.embedding else SquaredError(),
        optimizer=work.optimizer,
        embedding=work.embedding,
        clip=CLIP,
    )


def measure(work: Work, *, blocks: int, folder: Path, precision: Any, gradient: str) -> InTurn:
    """Blocks in turn, the first of which warms up."""
    settings = Training(max_time_steps=10**12, accelerator="cpu", precision=precision)
    prepare_process(settings)
    task = make(work)
    task.gradient = gradient
    loops = (Loop(work, task), Loop(work, task))
    logger = RunLogger(experiment="speed", tracking_uri=f"sqlite:///{folder}/mlflow.db")
    task.max_time_steps = settings.max_time_steps
    in_turn = InTurn(loops, blocks=blocks, logger=logger)
    trainer = make_trainer(
        settings,
        folder=folder / "checkpoints",
        monitor="val/loss",
        steps_per_batch=work.rows * work.windows * work.k,
        max_time_steps=settings.max_time_steps,
        logger=logger,
    )
    trainer.callbacks.append(in_turn)
    trainer.limit_val_batches = 0
    trainer.fit(task, train_dataloaders=Cycle(work.batches()))
    logger.close()
    gradients._backward = in_turn.windows.back
    return in_turn


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--blocks", type=int, default=15)
    parser.add_argument("--works", nargs="+", default=list(WORKS))
    parser.add_argument("--precision", default="32-true", help="of elman; the loop stays in 32 bits")
    parser.add_argument("--windows", type=int, help="windows of a sequence")
    parser.add_argument("--gradient", default="auto", help="auto or autograd")
    given = parser.parse_args()
    for name in given.works:
        work = WORKS[name] if given.windows is None else replace(WORKS[name], windows=given.windows)
        print(f"{name}: first losses differ by at most {same_losses(work):.1e}")
        with tempfile.TemporaryDirectory() as folder:
            settings = {"precision": given.precision, "gradient": given.gradient}
            in_turn = measure(work, blocks=given.blocks, folder=Path(folder), **settings)
        times, product = in_turn.times[1:], 1e6 * statistics.median(in_turn.own[1:])
        ratios = sorted(own / ((one + two) / 2) for own, one, two in times)
        control = sorted(one / two for _, one, two in times)
        loop = 1000 * statistics.median(one for _, one, _ in times)
        print(
            f"{name}: elman / loop {statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f}), "
            f"loop / loop {statistics.median(control):.3f} ({control[0]:.3f} to {control[-1]:.3f}), "
            f"{len(times)} blocks of {work.updates} updates, {work.windows} windows a sequence, "
            f"loop {loop:.3f} ms an update, elman's own {product:.0f} us"
        )


if __name__ == "__main__":
    main()
