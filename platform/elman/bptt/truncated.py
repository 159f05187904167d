"""Truncated back-propagation through time with two lengths."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from math import ceil
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor

from elman.batch import SequenceBatch
from elman.bptt.buffered_window import BufferedWindow, run
from elman.bptt.strategy import BackpropThroughTime, Objective, Update, scored_steps, weight_of
from elman.tree import Carry, detached

Scored = Literal["fresh", "window"]


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
    same updates. Steps that do not fill k1 wait for the next batch, unless it `is_last`. The lengths
    may change between batches; a longer look-back begins where the carry of before was kept.

    Args:
        k1: steps from one update to the next.
        k2: longest path a gradient may take, in steps; at least `k1`.
        scored: "fresh" scores the k1 steps that no update has scored yet; "window" scores all k2 again, so
            that most losses count in ceil(k2 / k1) updates: in those that score a new step of their sequence.

    Raises:
        ValueError: if `k1` is not positive, `k2` is smaller than `k1`, or `scored` is neither.

    Cost: k2 / k1 forward and backward passes over the sequence; activations of k2 steps alive at
    once. A window without a scored step runs its first k1 steps forward only.

    Source: Williams and Peng (1990), Neural Computation 2(4), BPTT(h; h') with k2 = h, k1 = h', for
    "fresh"; Sutskever (2013), thesis, section 2.8.6, read literally, for "window".
    Differs: the look-back is computed again with the current weights, from a carry kept k2 steps back.
    """

    exact = False
    only_adds = True
    continues = True

    def __init__(self, *, k1: int = 50, k2: int = 50, scored: Scored = "fresh") -> None:
        if k1 < 1 or k2 < k1:
            raise ValueError(f"k1 and k2 count steps and need 1 <= k1 <= k2, got k1={k1}, k2={k2}")
        if scored not in get_args(Scored):
            raise ValueError(f"scored must be 'fresh' or 'window', got {scored!r}")
        self.k1, self.k2, self.scored = k1, k2, scored

    def first_state(self, carry: Carry) -> TruncatedState:
        return TruncatedState(carry)

    def losses(self, objective: Objective, batch: SequenceBatch, state: TruncatedState) -> Iterator[Update]:
        steps, carry = BufferedWindow(state.past, batch), state.kept
        windows = self.plan(steps.first, -state.waiting, steps.stop, is_last=batch.is_last)
        if not windows:
            yield Update(
                None, 0, self._after(batch, steps, carry, resume=steps.first, scored_to=-state.waiting)
            )
        elif windows[0].start > steps.first:  # kept for a longer look-back
            with torch.no_grad():
                _, carry = run(objective, steps.between(steps.first, windows[0].start), carry)
        for window in windows:
            score_from = window.first if self.scored == "fresh" else None
            early = steps.between(window.start, window.resume, score_from=score_from)
            late = steps.between(window.resume, window.stop, score_from=score_from)
            if self.scored == "window":
                going = going_on([*early, *late], window.first - window.start)
                early, late = going[: len(early)], going[len(early) :]
            scored = scored_steps([*early, *late])
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
            yield Update(loss if scored else None, scored, after, weight=weight_of([*early, *late]))

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
        return self.k1 if self.scored == "fresh" else self.k2

    def stride(self, steps: int) -> int:
        return self.k1

    def updates_of_a_step(self) -> int:
        return ceil(self.k2 / self.k1)

    def credit_matrix(self, steps: int) -> Tensor:
        t = torch.arange(steps)[:, None]
        s = torch.arange(steps)[None, :]
        first = t // self.k1  # the window that scores step t anew
        if self.scored == "fresh":
            return ((s <= t) & (s >= (first + 1) * self.k1 - self.k2)).to(torch.int64)
        last = ((s + self.k2) // self.k1 - 1).clamp(max=(steps - 1) // self.k1)  # that looks back to step s
        return torch.where(s <= t, (last - first + 1).clamp(min=0), 0)

    def row_credit(self, begins: Tensor) -> Tensor:
        if self.scored == "fresh":
            return super().row_credit(begins)
        credit = torch.zeros(len(begins), len(begins), dtype=torch.int64)
        borders = sorted({0, *begins.nonzero().flatten().tolist(), len(begins)})
        for a, b in itertools.pairwise(borders):  # losses count again until their own sequence ends
            credit[a:b, a:b] = self.credit_matrix(b)[a:b, a:b]
        return credit


def going_on(pieces: Sequence[SequenceBatch], fresh: int) -> list[SequenceBatch]:
    """A window whose steps before `fresh` are scored only where their sequence has a step from there on.

    So a sequence is scored as if it were alone, whatever is beside or after it in the batch.
    """
    exists = torch.cat([torch.arange(piece.steps) < piece.lengths[:, None] for piece in pieces], 1)
    begun = torch.cat([piece.begins for piece in pieces], 1).cumsum(1)  # the sequence of each step
    new = exists & (torch.arange(exists.shape[1]) >= fresh)
    last = begun.gather(1, new.to(torch.uint8).argmax(1, keepdim=True))  # that of the first new step
    counts = new | ((begun == last) & new.any(1, keepdim=True))
    parts = counts.split([piece.steps for piece in pieces], 1)
    return [piece._replace(scored=piece.scored & part) for piece, part in zip(pieces, parts, strict=True)]
