"""Small tasks, streams and the hand-written loops that they are held to."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers.logger import Logger
from torch import Tensor, nn

from elman.batch import SequenceBatch, whole
from elman.bptt import Truncated
from elman.cores import LSTM
from elman.tasks import SequenceTask, SquaredError

ROWS, FEATURES, HIDDEN, VALUES = 3, 2, 4, 5  # all different, so that a swapped axis fails

sgd = partial(torch.optim.SGD, lr=1.0)  # a step is the gradient


def make_task(*, hidden: int = HIDDEN, seed: int = 1, **options: Any) -> SequenceTask:
    """Values to values by an LSTM, in double precision, without a limit on the gradient."""
    torch.manual_seed(seed)
    given = {
        "input_size": FEATURES,
        "output_size": VALUES,
        "token_ids": False,
        "core": partial(LSTM, hidden_size=hidden),
        "loss": SquaredError(),
        "clip": None,
        "optimizer": sgd,
        **options,
    }
    return SequenceTask(**given).double()


def stream(*lengths: int, rows: int = ROWS, seed: int = 2) -> list[SequenceBatch]:
    """Batches of these lengths that follow on; the first begins, the last ends all rows."""
    torch.manual_seed(seed)
    steps = sum(lengths)
    x, y = (torch.randn(rows, steps, n, dtype=torch.float64) for n in (FEATURES, VALUES))
    return cut(whole(x, y), *lengths)


def cut(batch: SequenceBatch, *lengths: int) -> list[SequenceBatch]:
    """A batch as consecutive ones of these lengths."""
    borders = [0, *itertools.accumulate(lengths)]
    return [batch.window(a, b) for a, b in itertools.pairwise(borders)]


def many_to_one(steps: int) -> SequenceBatch:
    """Only the last step is scored."""
    (batch,) = stream(steps)
    scored = torch.zeros(ROWS, steps, dtype=torch.bool)
    scored[:, -1] = True
    return batch._replace(scored=scored)


def make_trainer(**options: Any) -> pl.Trainer:
    given = {"max_epochs": 1, "logger": False, "num_sanity_val_steps": 0, "accelerator": "cpu", **options}
    return pl.Trainer(
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **given,
    )


class Loader:
    """Batches in order; Lightning would take a plain list for a list of loaders."""

    def __init__(self, batches: Iterable[SequenceBatch]) -> None:
        self.batches = list(batches)

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[SequenceBatch]:
        return iter(self.batches)


def fit(
    task: SequenceTask,
    batches: Iterable[SequenceBatch],
    *,
    val: Iterable[SequenceBatch] = (),
    checkpoint: Path | None = None,
    **options: Any,
) -> pl.Trainer:
    trainer = make_trainer(**options)
    trainer.fit(task, Loader(batches), Loader(val), ckpt_path=checkpoint, weights_only=True)
    return trainer


def weights(module: nn.Module) -> Tensor:
    """All parameters, one vector, a copy."""
    return torch.cat([p.detach().flatten() for p in module.parameters()])


def taken(task: SequenceTask, batches: Sequence[SequenceBatch]) -> Tensor:
    """What training subtracts from the weights: with one update of `sgd`, the gradient."""
    before = weights(task)
    fit(task, batches)
    return before - weights(task)


class Seen(Logger):
    """Keeps what it is told."""

    name, version = "seen", 0

    def __init__(self) -> None:
        super().__init__()
        self.points: list[tuple[int, dict[str, float]]] = []

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self.points.append((step, dict(metrics)))

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None: ...


class Hand(nn.Module):
    """`torch.nn.LSTM` and a linear readout with the weights of a task, in the order of its parameters."""

    def __init__(self, task: SequenceTask) -> None:
        super().__init__()
        kernel = task.network.core.stack.parts[0]
        self.lstm = nn.LSTM(
            kernel.input_size, kernel.hidden_size, kernel.num_layers, batch_first=True
        ).double()
        self.readout = nn.Linear(kernel.hidden_size, task.network.output_size).double()
        self.lstm.load_state_dict(copy.deepcopy(kernel.state_dict()))
        self.readout.weight.data.copy_(task.network.readout.weight.data)
        self.readout.bias.data.copy_(task.network.readout.bias.data)

    def forward(self, x: Tensor, carry: tuple | None = None) -> tuple[Tensor, tuple]:
        out, carry = self.lstm(x, carry)
        return self.readout(out), carry

    def loss(self, x: Tensor, y: Tensor, carry: tuple | None = None) -> tuple[Tensor, tuple]:
        """Squared errors averaged over values, summed over rows and steps."""
        out, carry = self(x, carry)
        return (out - y).square().mean(-1).sum(), carry


def joined(batches: Iterable[SequenceBatch]) -> tuple[Tensor, Tensor]:
    """Inputs and targets of a stream as if it had never been cut."""
    batches = list(batches)
    return torch.cat([b.x for b in batches], 1), torch.cat([b.y for b in batches], 1)


def hand_updates(
    net: Hand,
    losses: Iterable[Tensor],
    optimizer: Callable[[Iterable], torch.optim.Optimizer],
    *,
    divisors: Iterable[float],
    clip: float | None = None,
    factors: Iterable[float] | None = None,
) -> list[float]:
    """One optimiser step for each loss, in PyTorch alone; the gradient norms before clipping."""
    opt, norms = optimizer(net.parameters()), []
    rate = opt.param_groups[0]["lr"]
    for loss, divisor, factor in zip(losses, divisors, factors or itertools.repeat(1.0), strict=False):
        opt.zero_grad()
        (loss / divisor).backward()
        norms.append(float(nn.utils.clip_grad_norm_(net.parameters(), clip or float("inf"))))
        opt.param_groups[0]["lr"] = rate * factor
        opt.step()
    return norms


def hand_windows(net: Hand, x: Tensor, y: Tensor, k: int, *, forget: bool = False) -> Iterable[Tensor]:
    """Losses of windows of k steps, the carry detached (or dropped) between them."""
    carry = None
    for start in range(0, x.shape[1], k):
        loss, carry = net.loss(x[:, start : start + k], y[:, start : start + k], carry)
        yield loss
        carry = None if forget else tuple(c.detach() for c in carry)


def hand_look_back(net: Hand, x: Tensor, y: Tensor, k1: int, k2: int) -> Iterable[Tensor]:
    """Losses of k1 steps each, computed again, step by step, from the carry k2 steps back."""
    steps, carries = x.shape[1], {0: None}
    for first in range(0, steps, k1):
        stop, start = min(first + k1, steps), max(0, first + k1 - k2)
        carry, total = carries[start], 0.0
        for t in range(start, stop):
            loss, carry = net.loss(x[:, t : t + 1], y[:, t : t + 1], carry)
            carries[t + 1] = tuple(c.detach() for c in carry)
            total = total + (loss if t >= first else 0.0)
        yield total


def truncated(k: int) -> Truncated:
    return Truncated(k1=k, k2=k)
