"""Full back-propagation through time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from elman.batch import SequenceBatch
from elman.bptt.buffered_window import scored_steps
from elman.bptt.strategy import BackpropThroughTime, Objective, Update
from elman.tree import Carry, detached


class Carried(NamedTuple):
    """All that goes on is the core's carry."""

    carry: Carry


class Full(BackpropThroughTime):
    """One update a batch, from the gradient through all its steps.

    Exact within a batch. Where a batch continues the one before, credit is cut at the border: only
    the carry crosses it.

    Cost: one forward and one backward pass; the activations of all T steps alive at once.

    Source: Werbos (1990), Proceedings of the IEEE 78(10).
    """

    exact = True
    continues = False

    def first_state(self, carry: Carry) -> Carried:
        return Carried(carry)

    def losses(self, objective: Objective, batch: SequenceBatch, state: Carried) -> Iterator[Update]:
        scored = scored_steps([batch])
        with torch.set_grad_enabled(scored > 0 and torch.is_grad_enabled()):
            loss, carry = objective(batch, state.carry)
        yield Update(loss if scored else None, scored, Carried(detached(carry)))

    def update_steps(self, steps: int) -> int:
        return steps

    def credit_matrix(self, steps: int) -> Tensor:
        return torch.ones(steps, steps, dtype=torch.int64).tril()
