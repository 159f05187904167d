"""Full back-propagation through time in the memory of a few windows."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, sqrt

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from elman.batch import SequenceBatch
from elman.bptt.strategy import BackpropThroughTime, Carried, Objective, Update, scored_steps, update_of


class Checkpointed(BackpropThroughTime):
    """The update of `Full`; only carries between windows are kept, the rest is computed again.

    The backward pass reruns one window at a time, with the random numbers of its first run. The
    gradient is that of `Full`.

    Args:
        window: steps between two kept carries; None takes the square root of the batch's steps,
            which needs the least memory.

    Raises:
        ValueError: if `window` is not positive.

    Cost: two forward passes and one backward pass; T / window carries and the activations of one
    window alive at once.

    Source: Chen, Xu, Zhang and Guestrin (2016), arXiv 1604.06174.
    """

    exact = True
    continues = True

    def __init__(self, *, window: int | None = None) -> None:
        if window is not None and window < 1:
            raise ValueError(f"window counts steps and must be at least 1, got window={window}")
        self.window = window

    def losses(self, objective: Objective, batch: SequenceBatch, state: Carried) -> Iterator[Update]:
        scored, carry = scored_steps([batch]), state.carry
        window = self.window or max(1, ceil(sqrt(batch.steps)))
        total: Tensor | None = None

        def run(piece: SequenceBatch, *start: Tensor) -> tuple[Tensor, ...]:
            loss, after = objective(piece, start)
            return loss, *after

        with torch.set_grad_enabled(scored > 0 and torch.is_grad_enabled()):
            for start in range(0, batch.steps, window):
                piece = batch.window(start, min(start + window, batch.steps))
                loss, *after = checkpoint(run, piece, *carry, use_reentrant=False)
                total, carry = loss if total is None else total + loss, tuple(after)
        yield update_of(total, [batch], Carried(carry))

    def credit_matrix(self, steps: int) -> Tensor:
        return torch.ones(steps, steps, dtype=torch.int64).tril()
