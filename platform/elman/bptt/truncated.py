"""Truncated back-propagation through time with two lengths."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Any, NamedTuple

import torch
from torch import Tensor

from elman.batch import SequenceBatch
from elman.bptt.buffered_window import BufferedWindow, run
from elman.bptt.strategy import BackpropThroughTime, Objective, Update, scored_steps
from elman.tree import Carry, detached


class TruncatedState(NamedTuple):
    """Where the next window starts.

    Args:
        kept: the carry at the first step the next window looks back to.
        past: the steps since then, as pieces with the fields of a `SequenceBatch`.
        waiting: how many of the last of them are still to be scored.
    """

    kept: Carry
    past: tuple[Any, ...] = ()
    waiting: int = 0


class Window(NamedTuple):
    """Run [start, stop), score [first, stop); the next window starts at `resume`."""

    start: int
    first: int
    resume: int
    stop: int


class Truncated(BackpropThroughTime):
    """Every `k1` steps, one update from a gradient that looks back at most `k2` steps.

    The update that scores steps [i k1, (i+1) k1) looks back to step (i+1) k1 - k2, also where the
    sequence ends before (i+1) k1. The forward pass is exact: each step is scored once and the carry
    runs through the whole sequence; only the gradient is cut. With k1 = k2 = T this is `Full`.

    Windows and look-back cross batch borders: a stream cut into batches of another length makes the
    same updates. Steps that do not fill k1 wait for the next batch, unless it `is_last`.

    Args:
        k1: steps scored by each update.
        k2: longest path a gradient may take, in steps; at least `k1`.

    Raises:
        ValueError: if `k1` is not positive or `k2` is smaller than `k1`.

    Cost: k2 / k1 forward and backward passes over the sequence; activations of k2 steps alive at
    once. A window without a scored step runs its first k1 steps forward only.

    Source: Williams and Peng (1990), Neural Computation 2(4), BPTT(h; h') with k2 = h, k1 = h'.
    Differs: the look-back is computed again with the current weights, from a carry kept k2 steps back.
    """

    exact = False
    continues = True

    def __init__(self, *, k1: int = 50, k2: int = 50) -> None:
        if k1 < 1 or k2 < k1:
            raise ValueError(f"k1 and k2 count steps and need 1 <= k1 <= k2, got k1={k1}, k2={k2}")
        self.k1, self.k2 = k1, k2

    def first_state(self, carry: Carry) -> TruncatedState:
        return TruncatedState(carry)

    def losses(self, objective: Objective, batch: SequenceBatch, state: TruncatedState) -> Iterator[Update]:
        steps, carry = BufferedWindow(state.past, batch), state.kept
        windows = self.plan(steps.first, -state.waiting, steps.stop, is_last=batch.is_last)
        if not windows:
            yield Update(
                None, 0, self._after(batch, steps, carry, resume=steps.first, scored_to=-state.waiting)
            )
        for window in windows:
            early = steps.between(window.start, window.resume, score_from=window.first)
            late = steps.between(window.resume, window.stop, score_from=window.first)
            scored = scored_steps(early) + scored_steps(late)
            with torch.set_grad_enabled(scored > 0 and torch.is_grad_enabled()):
                loss, carry = run(objective, early, carry)
                if scored:
                    rest, _ = run(objective, late, carry)
                    loss = loss if rest is None else rest if loss is None else loss + rest
            carry = detached(carry)
            if window is windows[-1]:
                after = self._after(batch, steps, carry, resume=window.resume, scored_to=window.stop)
            else:
                after = TruncatedState(carry, tuple(late))
            yield Update(loss if scored else None, scored, after)

    def plan(self, begin: int, first: int, stop: int, *, is_last: bool) -> list[Window]:
        """The windows that score steps [first, stop), none looking back beyond step `begin`."""
        windows = []
        while first + self.k1 <= stop or (is_last and first < stop):
            end = min(first + self.k1, stop)
            start = max(begin, first + self.k1 - self.k2)
            resume = min(max(begin, first + 2 * self.k1 - self.k2), end)
            windows.append(Window(start, first, resume, end))
            first += self.k1
        return windows

    def _after(
        self, batch: SequenceBatch, steps: BufferedWindow, carry: Carry, *, resume: int, scored_to: int
    ) -> TruncatedState:
        if batch.is_last:
            return TruncatedState(carry)
        return TruncatedState(carry, tuple(steps.between(resume, steps.stop)), steps.stop - scored_to)

    def update_steps(self, steps: int) -> int:
        return self.k1

    def updates_of_a_step(self) -> int:
        return ceil(self.k2 / self.k1)

    def credit_matrix(self, steps: int) -> Tensor:
        t = torch.arange(steps)[:, None]
        s = torch.arange(steps)[None, :]
        return ((s <= t) & (s >= (t // self.k1 + 1) * self.k1 - self.k2)).to(torch.int64)
