"""The outputs of a network over a stage."""

from __future__ import annotations

import torch
from torch import Tensor

from elman.batch import SequenceBatch
from elman.tasks.objective import WindowLoss
from elman.tree import Carry


class Predictions:
    """Outputs in windows, the carry handed from window to window and from batch to batch.

    Args:
        window: steps run at once; None: all of a batch.
    """

    def __init__(self, window: int | None) -> None:
        self.window = window
        self.carry: Carry | None = None

    def of(self, objective: WindowLoss, batch: SequenceBatch) -> Tensor:
        """The outputs (B, T, O), for a batch that follows the one before."""
        if self.carry is None:
            self.carry = objective.first_carry(batch)
            batch = batch.restarted()
        found, length = [], self.window or batch.steps
        for start in range(0, batch.steps, length):
            window = batch.window(start, min(start + length, batch.steps))
            out, self.carry = objective.core_outputs(window, self.carry)
            found.append(objective.readout(out))
        if batch.is_last:
            self.carry = None
        return torch.cat(found, 1)
