"""Sums over a stage, divided once at its end."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist

from elman.batch import SequenceBatch
from elman.bptt import BackpropThroughTime, Full, Split, Truncated
from elman.tasks.loss import SequenceLoss
from elman.tasks.objective import WindowLoss
from elman.tree import Carry


class Scores:
    """Loss and hits of a whole stage, in windows, the carry handed from window to window and batch to batch.

    Args:
        window: steps run at once; None: all of a batch.
        forget: begin every window anew, as if it were a sequence of its own.
    """

    def __init__(self, window: int | None, *, forget: bool = False) -> None:
        self.forget = forget
        self.strategy: BackpropThroughTime = Full()
        if window is not None:
            self.strategy = Split(k=window) if forget else Truncated(k1=window, k2=window)
        self.state: Any = None
        self.loss = self.right = 0.0
        self.scored = 0
        self.counts_right = False

    def add(self, objective: WindowLoss, batch: SequenceBatch) -> None:
        """Score a batch that follows the one before."""
        if self.state is None:
            self.state = self.strategy.first_state(objective.first_carry(batch))
            batch = batch._replace(is_first=torch.ones_like(batch.is_first))
        is_last = batch.is_last
        if not self.forget:  # windows that continue each other need not wait until they are full
            batch = batch._replace(is_last=True)
        counted = _Counting(objective)
        for update in self.strategy.losses(counted, batch, self.state):
            self.state = update.state
        if is_last:
            self.state = None
        self.loss += float(counted.loss)
        self.right += float(counted.right)
        self.counts_right |= counted.counts_right
        self.scored += counted.scored

    def figures(self, loss: SequenceLoss, device: torch.device, *, ranks: int) -> dict[str, float]:
        """The stage's metrics over all ranks; empty where nothing was scored."""
        sums = torch.tensor(
            [self.loss, self.right, self.scored, self.counts_right], dtype=torch.float64, device=device
        )
        if ranks > 1:
            dist.all_reduce(sums)
        total, right, scored, counts = sums.tolist()
        if not scored:
            return {}
        return loss.metrics(total / scored, right / scored if counts else None)


class _Counting:
    """An objective that also adds up, in double precision, what passes through it."""

    def __init__(self, objective: WindowLoss) -> None:
        self.objective, self.core, self.parameters = objective, objective.core, objective.parameters
        self.loss = torch.zeros((), dtype=torch.float64)
        self.right = torch.zeros((), dtype=torch.float64)
        self.scored, self.counts_right = 0, False

    def __call__(self, window: SequenceBatch, carry: Carry) -> tuple[torch.Tensor, Carry]:
        loss, right, carry = self.objective.sums(window, carry)
        self.loss += loss.double().cpu()
        self.scored += int(window.scored.sum())
        if right is not None:
            self.right += right.double().cpu()
            self.counts_right = True
        return loss, carry

    def agree(self, value: torch.Tensor) -> torch.Tensor:
        return self.objective.agree(value)
