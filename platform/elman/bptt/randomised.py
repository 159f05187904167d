"""Truncated back-propagation through time at random places, with credit that makes up for the cuts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple

import torch
from torch import Tensor

from elman.batch import SequenceBatch
from elman.bptt.buffered_window import BufferedWindow, run
from elman.bptt.loss import LinkedCarry, Weighted
from elman.bptt.strategy import BackpropThroughTime, Objective, Update, draws, scored_steps, weight_of
from elman.cores.crossing import Crossing, crossed
from elman.tree import Carry, detached


class RandomisedState(NamedTuple):
    """Where the segment at hand starts.

    Args:
        carry: the carry there.
        past: the steps since then, as pieces with the fields of a `SequenceBatch`; no cut lies in them.
    """

    carry: Carry
    past: tuple[Any, ...] = ()


class Randomised(BackpropThroughTime):
    """Segments of random length, one update each, whose gradient is that of the whole stream on average.

    A segment runs in chunks of k steps. With n chunks since the last cut, it ends with probability

        c_n = (alpha - 1) / ((alpha - 2) length / k + n)

    and where it goes on, what comes back through the carry there is multiplied by 1 / (1 - c_n). The factor
    is 1 in expectation, so every pair of steps has E C[t, s] = 1, whatever its lag. The forward pass is
    exact. Weights of a pair grow like lag ** (alpha - 1), not exponentially as with a constant c_n.

    A segment of `longest` steps is cut: pairs across that cut have less than 1, as `credit_matrix` says;
    `bptt/forced_cuts` counts them and `bptt/longest_segment` is the longest so far, in steps. Segments cross
    batch borders: what is not cut waits for the next batch, unless the batch `is_last`.

    Args:
        k: steps of a chunk.
        length: steps of a segment on average; more than k.
        alpha: how fast long segments become rare; above 2, smaller for less variance and longer segments.
        longest: steps at which a segment is cut in any case; null: 20 length.
        seed: of the cuts.

    Raises:
        ValueError: for a value out of range.

    Cost: one forward and one backward pass; activations of one segment alive, of `longest` steps at most.

    Source: Tallec and Ollivier (2017), arXiv 1705.08209 (ARTBP).
    Differs: cuts lie between chunks, so that fused kernels run within; segments have a largest length.
    """

    exact = False
    only_adds = True
    continues = True

    def __init__(
        self,
        *,
        k: int = 10,
        length: int = 50,
        alpha: float = 6.0,
        longest: int | None = None,
        seed: int = 1,
    ) -> None:
        longest = 20 * length if longest is None else longest
        if not 1 <= k < length <= longest:
            raise ValueError(
                f"k, length and longest count steps and need 1 <= k < length <= longest, got k={k}, "
                f"length={length}, longest={longest}"
            )
        if not 2 < alpha < float("inf"):
            raise ValueError(f"alpha must be above 2, or segments have no mean length, got alpha={alpha}")
        self.k, self.length, self.alpha, self.longest, self.seed = k, length, alpha, longest, seed
        self._batch = 0
        self._forced = self._longest_so_far = 0

    def begin(self, batch: int) -> None:
        self._batch = batch

    def chance(self, chunks: int) -> float:
        """The probability of a cut this many chunks after the last one."""
        if chunks >= self.longest // self.k:
            return 1.0
        return (self.alpha - 1) / ((self.alpha - 2) * self.length / self.k + chunks)

    def first_state(self, carry: Carry) -> RandomisedState:
        return RandomisedState(carry)

    def losses(self, objective: Objective, batch: SequenceBatch, state: RandomisedState) -> Iterator[Update]:
        steps, carry = BufferedWindow(state.past, batch), state.carry
        segments = self.segments(steps.first, steps.stop, is_last=batch.is_last)
        for start, stop in segments:
            chunks = [steps.between(a, min(a + self.k, stop)) for a in range(start, stop, self.k)]
            scored = scored_steps(whole := list(chain.from_iterable(chunks)))
            total: Tensor | None = None
            with torch.set_grad_enabled(scored > 0 and torch.is_grad_enabled()):
                for number, pieces in enumerate(chunks):
                    if number:
                        carry = weighted(carry, 1 / (1 - self.chance(number)))
                    loss, carry = run(objective, pieces, carry)
                    assert loss is not None, "a chunk has steps"
                    total = loss if total is None else total + loss
            carry = detached(carry)
            self._longest_so_far = max(self._longest_so_far, stop - start)
            self._forced += self.chance(len(chunks)) == 1 and (stop - start) % self.k == 0
            after = RandomisedState(carry, tuple(steps.between(stop, steps.stop)))
            yield Update(total if scored else None, scored, after, weight=weight_of(whole))
        if not segments:
            yield Update(None, 0, RandomisedState(carry, tuple(steps.between(steps.first, steps.stop))))

    def segments(self, start: int, stop: int, *, is_last: bool) -> list[tuple[int, int]]:
        """The segments that end in the batch at hand, whose steps are 0 to `stop`.

        Args:
            start: where the first of them starts; the borders of its chunks up to step 0 were left uncut.
        """
        random, found, chunks = draws(self.seed, self._batch), [], -start // self.k
        while (border := start + (chunks + 1) * self.k) < stop or (border == stop and not is_last):
            chunks += 1
            if random.random() < self.chance(chunks):
                found.append((start, border))
                start, chunks = border, 0
        return [*found, (start, stop)] if is_last and start < stop else found

    def update_steps(self, steps: int) -> int:
        return self.length

    def credit_matrix(self, steps: int) -> Tensor:
        count, limit = -(-steps // self.k), self.longest // self.k
        age = torch.zeros(count, min(count, limit), dtype=torch.float64)  # P(a chunk is its segment's n-th)
        age[0, 0] = 1
        cut = torch.tensor([self.chance(n + 1) for n in range(age.shape[1])], dtype=torch.float64)
        for number in range(1, count):
            age[number, 0] = age[number - 1] @ cut
            age[number, 1:] = (age[number - 1] * (1 - cut))[:-1]
        below = torch.cat([torch.zeros(count, 1, dtype=torch.float64), age.cumsum(1)], 1)
        chunk = torch.arange(steps) // self.k
        lag = (chunk[:, None] - chunk).clamp(min=0)
        kept = below[chunk.expand(steps, steps), (limit - lag).clamp(0, age.shape[1])]
        return torch.where(chunk[:, None] < limit, 1.0, kept).tril()  # 1: no segment can be too long yet

    def drawn_credit(self, steps: int) -> Tensor:
        credit = torch.zeros(steps, steps, dtype=torch.float64)
        for start, stop in self.segments(0, steps, is_last=True):
            chunk = torch.arange(stop - start) // self.k
            factors = [1.0, *(1 / (1 - self.chance(n)) for n in range(1, int(chunk[-1]) + 1))]
            weight = torch.tensor(factors, dtype=torch.float64).cumprod(0)[chunk]
            credit[start:stop, start:stop] = weight[:, None] / weight
        return credit.tril()

    def metrics(self) -> dict[str, float]:
        return {"forced_cuts": float(self._forced), "longest_segment": float(self._longest_so_far)}

    def state_dict(self) -> dict[str, Any]:
        return {"forced": self._forced, "longest_so_far": self._longest_so_far}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        self._forced, self._longest_so_far = saved["forced"], saved["longest_so_far"]


def weighted(carry: Carry, weight: float) -> Carry:
    """The same carry; what comes back through it is multiplied by `weight`."""
    if isinstance(carry, LinkedCarry):
        return LinkedCarry.of(carry, Weighted(carry.node, weight))
    return crossed(carry, Crossing(decay=weight))
