"""Truncated back-propagation through time in windows of random length."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from math import erf, isfinite, sqrt
from typing import Any, NamedTuple

import torch
from torch import Tensor

from elman.batch import SequenceBatch
from elman.bptt.buffered_window import BufferedWindow, run
from elman.bptt.strategy import BackpropThroughTime, Objective, Update, draws, scored_steps, weight_of
from elman.tree import Carry, detached


class JitteredState(NamedTuple):
    """Where the next window starts.

    Args:
        carry: the carry there.
        past: the steps since then, as pieces with the fields of a `SequenceBatch`.
        length: of the window they wait to fill; 0: not drawn yet.
    """

    carry: Carry
    past: tuple[Any, ...] = ()
    length: int = 0


class Jittered(BackpropThroughTime):
    """Windows of random length, one update each; the gradient stays within a window.

    The length is N(base, spread), rounded down and kept within `least` and `most`, where base is k, or
    k / 2 in a share of 1 - base_share of the windows. Borders fall elsewhere in every epoch, so that no
    pair of nearby steps is always cut: with S(u) the chance that a window starts at step u,

        S(0) = 1,  S(u) = sum over v < u of S(v) P(length = u - v)
        E C[t, s] = sum over u <= s of S(u) P(length > t - u)

    The carry runs through, also over batch borders. A window that its batch does not fill waits for the
    next batch, unless the batch `is_last`.

    Args:
        k: usual length of a window, in steps.
        base_share: share of the windows that are about k long, from 0 to 1.
        spread: standard deviation of the length, in steps.
        least: steps of the shortest window.
        most: steps of the longest window; null: k + 2 spread.
        scale_lr: multiply the learning rate of a window by length / k, for a loss that is a mean over the
            window; false leaves it, for normaliser=steps, which makes a sum of it.
        seed: of the lengths.

    Raises:
        ValueError: for a value out of range.

    Cost: one forward and one backward pass; activations of `most` steps alive at most.

    Source: Merity, Keskar and Socher (2017), arXiv 1708.02182, section 4, and `main.py` of their code.
    Differs: the length has a limit, so that memory has one; windows cross batch borders.
    """

    exact = False
    only_adds = True
    continues = True

    def __init__(
        self,
        *,
        k: int = 70,
        base_share: float = 0.95,
        spread: float = 5.0,
        least: int = 5,
        most: int | None = None,
        scale_lr: bool = True,
        seed: int = 1,
    ) -> None:
        if not 0 <= base_share <= 1:
            raise ValueError(f"base_share is a share and must lie in [0, 1], got base_share={base_share}")
        if not (isfinite(spread) and spread >= 0):
            raise ValueError(f"spread counts steps and must not be negative, got spread={spread}")
        most = int(k + 2 * spread) if most is None else most
        if not 1 <= least <= k <= most:
            raise ValueError(
                f"window lengths count steps and need 1 <= least <= k <= most, got least={least}, k={k}, "
                f"most={most}"
            )
        self.k, self.base_share, self.spread = k, base_share, spread
        self.least, self.most, self.scale_lr, self.seed = least, most, scale_lr, seed
        self._batch = 0

    def begin(self, batch: int) -> None:
        self._batch = batch

    def first_state(self, carry: Carry) -> JitteredState:
        return JitteredState(carry)

    def losses(self, objective: Objective, batch: SequenceBatch, state: JitteredState) -> Iterator[Update]:
        steps, carry = BufferedWindow(state.past, batch), state.carry
        windows, start, waiting = [], steps.first, state.length
        lengths = self.lengths()
        while start < steps.stop:
            waiting = waiting or next(lengths)
            if start + waiting > steps.stop and not batch.is_last:
                break
            windows.append((start, min(start + waiting, steps.stop), waiting))
            start, waiting = start + waiting, 0
        for start, stop, length in windows:
            pieces = steps.between(start, stop)
            scored = scored_steps(pieces)
            with torch.set_grad_enabled(scored > 0 and torch.is_grad_enabled()):
                loss, carry = run(objective, pieces, carry)
            carry = detached(carry)
            after = JitteredState(carry, tuple(steps.between(stop, steps.stop)), waiting)
            lr_scale = length / self.k if self.scale_lr else 1.0
            weight = weight_of(pieces)
            yield Update(loss if scored else None, scored, after, lr_scale=lr_scale, weight=weight)
        if not windows:
            past = tuple(steps.between(steps.first, steps.stop))
            yield Update(None, 0, JitteredState(carry, past, waiting))

    def lengths(self) -> Iterator[int]:
        """Those of the windows that the batch at hand begins, one after the other."""
        random = draws(self.seed, self._batch)
        while True:
            base = self.k if random.random() < self.base_share else self.k / 2
            yield min(max(int(random.gauss(base, self.spread)), self.least), self.most)

    def length_odds(self) -> Tensor:
        """(most + 1,), the probability of every length from 0 on."""

        def below(length: int, base: float) -> float:
            if length <= self.least:
                return 0.0
            if length > self.most:
                return 1.0
            if not self.spread:
                return float(base < length)
            return (1 + erf((length - base) / (self.spread * sqrt(2)))) / 2

        bases = {self.k: self.base_share, self.k / 2: 1 - self.base_share}
        odds = [
            sum(share * (below(n + 1, base) - below(n, base)) for base, share in bases.items())
            for n in range(self.most + 1)
        ]
        return torch.tensor(odds, dtype=torch.float64)

    @property
    def scales_lr(self) -> bool:
        return self.scale_lr

    def update_steps(self, steps: int) -> int:
        return self.k

    def credit_matrix(self, steps: int) -> Tensor:
        odds = torch.zeros(steps + 1, dtype=torch.float64)
        known = self.length_odds()[: steps + 1]
        odds[: len(known)] = known
        longer = 1 - odds.cumsum(0)
        starts = torch.zeros(steps, dtype=torch.float64)
        starts[0] = 1
        for u in range(1, steps):
            starts[u] = starts[:u] @ odds[1 : u + 1].flip(0)
        step = torch.arange(steps)
        age = (step[:, None] - step).clamp(min=0)  # of step t in a window that starts at u
        return (starts * longer[age]).cumsum(1).tril()

    def drawn_credit(self, steps: int) -> Tensor:
        borders = itertools.takewhile(lambda border: border < steps, itertools.accumulate(self.lengths()))
        marks = torch.zeros(steps, dtype=torch.int64)
        marks[list(borders)] = 1
        window = marks.cumsum(0)
        return (window[:, None] == window).to(torch.int64).tril()
