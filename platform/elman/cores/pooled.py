"""A core whose outputs come with a running summary of the outputs so far."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from elman.cores._by_sequence import by_sequence
from elman.cores._check import check_choice
from elman.cores._inner import made
from elman.cores.core import Core, wide
from elman.cores.resets import Resets
from elman.tree import Carry


class Pooled(Core):
    """Another core, and beside its output a running summary of all outputs of the row so far.

    out_t = [h_t, m_t]: m_t = max_{s <= t} h_s, unit by unit, or m_t = (h_1 + ... + h_t) / t.

    A readout of a row's last step then depends on the whole row, and its gradient reaches every step at once
    rather than through the steps between. The summary runs on through windows and batches, where a
    strategy cuts its gradient like that of any carry.

    The carry is that of the inner core, then (maximum,), (B, H), or (sum, count), (B, H) and (B, 1), in
    float64: a row may have more steps than float32 can count.

    Args:
        input_size: features of a step, F.
        core: the inner core, all but its input size; null: an `LSTM`. `output_size` is twice its H.
        how: "max" or "mean".

    Raises:
        ValueError: if `core` is no core or `how` unknown.

    Cost: the inner core and one pass over its outputs.

    Source: Collobert et al. (2011), Journal of Machine Learning Research 12, section 3.3.2 (max over time);
        over a recurrent network: Lai et al. (2015), AAAI.
    Differs: h_t is kept beside the summary, which runs where theirs is taken once, at the end. Before the
        first step the maximum is the lowest finite number, not minus infinity: a carry must be finite.
    """

    def __init__(
        self,
        input_size: int,
        *,
        core: Callable[[int], Core] | None = None,
        how: Literal["max", "mean"] = "max",
    ) -> None:
        super().__init__()
        check_choice("how", how, ("max", "mean"))
        self.core, self.how = made(core, input_size), how
        self.streams = self.core.streams
        self.input_size, self.output_size = input_size, 2 * self.core.output_size
        self._leaves = len(self.core.initial_carry(1))

        self._summarise = running_max if how == "max" else running_mean

    def forward(self, x: Tensor, carry: Carry, lengths: Tensor | None = None) -> tuple[Tensor, Carry]:
        out, end = self.core(x, carry[: self._leaves], lengths)
        summary, after = self._summarise(out, carry[self._leaves :], existing(out, lengths))
        return torch.cat([out, summary.to(out.dtype)], 2), (*end, *after)

    def forward_from(
        self, x: Tensor, carry: Carry, lengths: Tensor | None, resets: Resets
    ) -> tuple[Tensor, Carry]:
        inner, own = resets.divided(self._leaves)
        out, end = self.core.forward_from(x, carry[: self._leaves], lengths, inner)
        summary, after = by_sequence(self._summarise, out, carry[self._leaves :], lengths, own)
        return torch.cat([out, summary.to(out.dtype)], 2), (*end, *after)

    def initial_carry(self, row_count: int) -> Carry:
        inner, weight = self.core.initial_carry(row_count), next(self.core.parameters())
        zeros = weight.new_zeros(row_count, self.core.output_size, dtype=wide(weight.dtype))
        if self.how == "max":
            return (*inner, zeros + torch.finfo(zeros.dtype).min)
        return (*inner, zeros.double(), zeros.new_zeros(row_count, 1).double())

    def learnable_parts(self) -> tuple[bool, ...]:
        return (*self.core.learnable_parts(), *(False for _ in self.initial_carry(1)[self._leaves :]))


def existing(out: Tensor, lengths: Tensor | None) -> Tensor:
    """(B, T, 1) bool: the steps that exist."""
    steps = torch.arange(out.shape[1])
    exist = steps < (lengths.unsqueeze(1) if lengths is not None else torch.full((len(out), 1), len(steps)))
    return exist.unsqueeze(2).to(out.device)


def running_max(h: Tensor, carry: Carry, exist: Tensor) -> tuple[Tensor, Carry]:
    """Largest value so far of every unit.

    Args:
        h: (B, T, H).
        carry: the maximum before step 0, (B, H).
        exist: (B, T, 1) bool.

    Returns:
        (B, T, H), zero where no step exists, and the maximum after each row's own last step.
    """
    (before,) = carry
    if h.shape[1] == 0:
        return h, carry
    lowest = torch.finfo(before.dtype).min
    values = h.to(before.dtype).masked_fill(~exist, lowest)
    found = torch.maximum(values.cummax(1).values, before.unsqueeze(1))
    return found.masked_fill(~exist, 0), (found[:, -1],)


def running_mean(h: Tensor, carry: Carry, exist: Tensor) -> tuple[Tensor, Carry]:
    """Mean so far of every unit.

    Args:
        h: (B, T, H), zero where no step exists.
        carry: the sum before step 0, (B, H), and how many steps it sums, (B, 1), float64.
        exist: (B, T, 1) bool.

    Returns:
        (B, T, H), zero where no step exists, and sum and count after each row's own last step.
    """
    if h.shape[1] == 0:
        return h, carry
    total, count = (leaf.double() for leaf in carry)  # in 32 bits, nothing is added to 2^24 ones any more
    totals = total.unsqueeze(1) + h.double().cumsum(1)
    counts = count.unsqueeze(1) + exist.double().cumsum(1)  # (B, T, 1)
    means = (totals / counts.clamp(min=1)).masked_fill(~exist, 0)
    return means, (totals[:, -1], counts[:, -1])
