"""Sums over a stage, divided once at its end."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from elman.batch import SequenceBatch
from elman.bptt import BackpropThroughTime, Full, Split, Truncated
from elman.tasks.objective import WindowLoss
from elman.tree import Carry


class Scores:
    """Loss and tally of a whole stage, in windows, the carry handed from window to window and batch to batch.

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
        self.loss, self.scored = 0.0, 0
        self.tally: Tensor | None = None

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
        self.scored += counted.scored
        if counted.tally is not None:
            self.tally = counted.tally if self.tally is None else self.tally + counted.tally

    def metrics(self, objective: WindowLoss, *, ranks: int, scale: Tensor | None = None) -> dict[str, float]:
        """The stage's metrics over all ranks; empty where nothing was scored.

        Args:
            scale: (O,) what 1 in y stands for, in the data's own units.
        """
        readout = objective.readout
        width = 0 if self.tally is None else self.tally.numel()
        sums = torch.zeros(3 + readout.out_features, dtype=torch.float64)  # no tally is wider
        sums[0], sums[1], sums[2] = self.loss, self.scored, width
        if self.tally is not None:
            sums[3 : 3 + width] = self.tally.flatten()
        if ranks > 1:
            sums = sums.to(readout.weight.device)
            dist.all_reduce(sums[:2])
            dist.all_reduce(sums[2], dist.ReduceOp.MAX)  # a rank that scored nothing has no tally
            dist.all_reduce(sums[3:])
        total, scored, width = sums[0].item(), sums[1].item(), int(sums[2])
        if not scored:
            return {}
        tally = sums[3 : 3 + width].cpu() / scored if width else None
        return objective.loss.metrics(total / scored, tally, scale)


class _Counting:
    """An objective that also adds up, in double precision, what passes through it."""

    def __init__(self, objective: WindowLoss) -> None:
        self.objective, self.core, self.parameters = objective, objective.core, objective.parameters
        self.loss = torch.zeros((), dtype=torch.float64)
        self.tally: Tensor | None = None
        self.scored = 0

    def __call__(self, window: SequenceBatch, carry: Carry) -> tuple[Tensor, Carry]:
        loss, tally, carry = self.objective.sums(window, carry)
        self.loss += loss.double().cpu()
        self.scored += int(window.scored.sum())
        if tally is not None:
            tally = tally.double().cpu()
            self.tally = tally if self.tally is None else self.tally + tally
        return loss, carry

    def agree(self, value: Tensor) -> Tensor:
        return self.objective.agree(value)
