"""Full back-propagation through time."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from elman.batch import SequenceBatch
from elman.bptt.strategy import BackpropThroughTime, Carried, Objective, Update, scored_steps, update_of


class Full(BackpropThroughTime):
    """One update a batch, from the gradient through all its steps.

    Exact within a batch. Where a batch continues the one before, credit is cut at the border: only
    the carry crosses it.

    Cost: one forward and one backward pass; the activations of all T steps alive at once.

    Source: Werbos (1990), Proceedings of the IEEE 78(10).
    """

    exact = True
    only_adds = True
    continues = False

    def losses(self, objective: Objective, batch: SequenceBatch, state: Carried) -> Iterator[Update]:
        with torch.set_grad_enabled(scored_steps([batch]) > 0 and torch.is_grad_enabled()):
            loss, carry = objective(batch, state.carry)
        yield update_of(loss, [batch], Carried(carry))

    def credit_matrix(self, steps: int) -> Tensor:
        return torch.ones(steps, steps, dtype=torch.int64).tril()
