"""Sums over a stage, divided once at its end."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
import torch.distributed as dist
from torch import Tensor

from elman.batch import SequenceBatch
from elman.tasks.objective import WindowLoss
from elman.tree import Carry


class Scores:
    """Loss and tally of a whole stage, in windows, the carry handed from window to window and batch to batch.

    Args:
        window: steps run at once; None: all of a batch.
        forget: every row begins anew each `window` steps from its own first one, as if those were a sequence
            of their own, however they lie in batches.
    """

    def __init__(self, window: int | None, *, forget: bool = False) -> None:
        self.window, self.forget = window, forget
        self.carry: Carry | None = None
        self._left: Tensor  # (B,) steps of the batch before a row begins anew
        self.loss, self.scored = 0.0, 0
        self.tally: Tensor | None = None

    def add(self, objective: WindowLoss, batch: SequenceBatch) -> None:
        """Score a batch that follows the one before; sums are in double precision."""
        if self.carry is None:
            self.carry = objective.first_carry(batch)
            batch = batch._replace(is_first=torch.ones_like(batch.is_first))
        total, tallies = 0.0, []
        for window in self._forgetting(batch) if self.forget else self._following(batch):
            loss, tally, self.carry = objective.sums(window, self.carry)
            total += float(loss)
            self.scored += int(window.scored.sum())
            tallies += [] if tally is None else [tally.double().cpu()]
        self.loss += total
        if tallies:
            own = sum(tallies[1:], tallies[0])
            self.tally = own if self.tally is None else self.tally + own
        if batch.is_last:
            self.carry = None

    def _following(self, batch: SequenceBatch) -> Iterator[SequenceBatch]:
        length = self.window or batch.steps
        for start in range(0, batch.steps, length):
            yield batch.window(start, min(start + length, batch.steps))

    def _forgetting(self, batch: SequenceBatch) -> Iterator[SequenceBatch]:
        """Windows that end wherever a row begins anew; only that row then does."""
        every = self.window or batch.steps
        left = torch.where(batch.is_first, 0, 0 if bool(batch.is_first.all()) else self._left)
        starts = {start for first in left.unique().tolist() for start in range(first, batch.steps, every)}
        for start, stop in pairwise(sorted({0, *starts, batch.steps})):
            yield batch.window(start, stop)._replace(is_first=(start - left) % every == 0)
        self._left = (left - batch.steps) % every

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
