"""Sums over a stage, divided once at its end."""

from __future__ import annotations

from collections.abc import Iterator

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
        forget: a row begins anew each `window` steps of a sequence, as if those were a sequence of their
            own, however they lie in batches.
    """

    def __init__(self, window: int | None, *, forget: bool = False) -> None:
        self.window, self.forget = window, forget
        self.carry: Carry | None = None
        self._since: Tensor | None = None  # (B,) steps of a row since it began, before the batch
        self._due: Tensor | None = None  # (B,) bool, rows that begin anew with their next step
        self.loss, self.scored = 0.0, 0
        self.tally: Tensor | None = None

    def add(self, objective: WindowLoss, batch: SequenceBatch, *, also: Scores | None = None) -> None:
        """Score a batch that follows the one before; sums are in double precision.

        Args:
            also: what this batch counts in too.
        """
        if self.carry is None:
            self.carry = objective.first_carry(batch)
            batch = batch.restarted()
        total, scored, tallies = 0.0, 0, []
        for window in self._following(self._forgetting(batch) if self.forget else batch):
            loss, tally, self.carry = objective.sums(window, self.carry)
            total += float(loss)
            scored += window.scored_count
            tallies += [] if tally is None else [tally.double().cpu()]
        own = sum(tallies[1:], tallies[0]) if tallies else None
        for scores in (self,) if also is None else (self, also):
            scores.loss += total
            scores.scored += scored
            if own is not None:
                scores.tally = own if scores.tally is None else scores.tally + own
        if batch.is_last:
            self.carry = None

    def _following(self, batch: SequenceBatch) -> Iterator[SequenceBatch]:
        length = self.window or batch.steps
        for start in range(0, batch.steps, length):
            yield batch.window(start, min(start + length, batch.steps))

    def _forgetting(self, batch: SequenceBatch) -> SequenceBatch:
        """The batch, in which rows also begin each `window` steps of a sequence."""
        every, steps = self.window or batch.steps, torch.arange(batch.steps)
        before = torch.zeros_like(batch.lengths) if self._since is None else self._since
        began = torch.where(batch.begins, steps, -1).cummax(1).values  # (B, T); -1: in an earlier batch
        since = torch.where(began < 0, before[:, None] + steps, steps - began)
        self._since = since[:, -1] + 1
        exists, anew = steps < batch.lengths[:, None], since % every == 0
        found = batch._replace(begins=batch.begins | (exists & anew))
        found = found if self._due is None else found.restarted(self._due)
        self._due = (anew & ~exists).any(1)  # in the padding
        return found

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
