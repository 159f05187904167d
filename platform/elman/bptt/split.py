"""The naive way to bound memory: cut the sequence into pieces and forget between them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from elman.batch import SequenceBatch
from elman.bptt.buffered_window import BufferedWindow, run
from elman.bptt.strategy import BackpropThroughTime, Objective, Update, scored_steps, weight_of
from elman.tree import Carry


class SplitState(NamedTuple):
    """Steps that wait until they fill a window.

    Args:
        carry: a carry of the right shape; every window starts anew.
        past: the waiting steps, as pieces with the fields of a `SequenceBatch`.
    """

    carry: Carry
    past: tuple[Any, ...] = ()


class Split(BackpropThroughTime):
    """Windows of `k` steps as if each were a sequence of its own, one update each.

    Not only the gradient changes but the network: what came before a window is invisible in it. A
    dependency of lag j < k lies within a window at (k - j) / k of the positions, one of lag k or more
    at none.

    Steps that do not fill a window wait for the next batch, unless it `is_last`.

    Args:
        k: steps of a window.

    Raises:
        ValueError: if `k` is not positive.

    Cost: one forward and one backward pass; activations of k steps alive at once.

    Source: the baseline that truncated back-propagation improves on; origin unknown.
    """

    exact = False
    only_adds = True
    continues = False
    restarts = True

    def __init__(self, *, k: int = 50) -> None:
        if k < 1:
            raise ValueError(f"k counts steps and must be at least 1, got k={k}")
        self.k = k

    def first_state(self, carry: Carry) -> SplitState:
        return SplitState(carry)

    def losses(self, objective: Objective, batch: SequenceBatch, state: SplitState) -> Iterator[Update]:
        steps = BufferedWindow(state.past, batch)
        stops = list(range(steps.first + self.k, steps.stop + 1, self.k))
        if batch.is_last and (stops[-1] if stops else steps.first) < steps.stop:
            stops.append(steps.stop)
        start = steps.first
        for stop in stops:
            pieces = steps.between(start, stop)
            pieces[0] = pieces[0].restarted()
            scored = scored_steps(pieces)
            loss = run(objective, pieces, state.carry)[0] if scored else None
            start = stop
            past = tuple(steps.between(stop, steps.stop)) if stop == stops[-1] else ()
            yield Update(loss, scored, SplitState(state.carry, past), weight=weight_of(pieces))
        if not stops:
            yield Update(None, 0, SplitState(state.carry, tuple(steps.between(start, steps.stop))))

    def update_steps(self, steps: int) -> int:
        return self.k

    def credit_matrix(self, steps: int) -> Tensor:
        t = torch.arange(steps)[:, None]
        s = torch.arange(steps)[None, :]
        return ((s <= t) & (s // self.k == t // self.k)).to(torch.int64)
