"""A core that reads its input less what the row's input was on average so far."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from elman.cores._by_sequence import by_sequence
from elman.cores._inner import made
from elman.cores.core import Core
from elman.cores.pooled import existing, running_mean
from elman.cores.resets import Resets
from elman.tree import Carry


class Centred(Core):
    """Another core, which reads every step less the mean of the row's steps so far.

    c_t = x_t - m_t, m_t = (x_1 + ... + x_t) / (prior + t).

    What is added to all steps of a row, as a voice, a microphone or a sensor's offset is, goes out of c_t as
    t grows. The mean runs on through windows and batches, and no step sees a later one.

    The carry is that of the inner core, then sum, (B, F), and count, (B, 1), which begins at `prior`; both in
    float64, as in `Pooled`.

    Args:
        input_size: features of a step, F.
        core: the inner core, all but its input size; null: an `LSTM`. `output_size` is its own.
        both: the inner core reads [x_t, c_t], 2 F features, rather than c_t alone.
        prior: steps of zeros counted as if they came before the first. At 0 the first c_t is zero whatever
            x_t; for features of mean 0 a few steps make the mean trust its first steps less.

    Raises:
        ValueError: if `core` is no core or `prior` negative.

    Cost: the inner core and one pass over its inputs.

    Source: Atal (1974), Journal of the Acoustical Society of America 55(6): the mean of a recording's
        cepstra taken from each.
    Differs: the mean of the steps so far rather than of all, and of any input; `prior` is ours.
    """

    def __init__(
        self,
        input_size: int,
        *,
        core: Callable[[int], Core] | None = None,
        both: bool = False,
        prior: int = 0,
    ) -> None:
        super().__init__()
        if prior < 0:
            raise ValueError(f"prior counts steps and must be at least 0, got prior={prior}")
        self.core = made(core, 2 * input_size if both else input_size)
        self.both, self.prior, self.streams = both, prior, self.core.streams
        self.input_size, self.output_size = input_size, self.core.output_size
        self._leaves = len(self.core.initial_carry(1))

    def forward(self, x: Tensor, carry: Carry, lengths: Tensor | None = None) -> tuple[Tensor, Carry]:
        exist = existing(x, lengths)
        x = x.masked_fill(~exist, 0)  # padding may hold anything
        means, after = running_mean(x, carry[self._leaves :], exist)
        out, end = self.core(self._read(x, means), carry[: self._leaves], lengths)
        return out, (*end, *after)

    def forward_from(
        self, x: Tensor, carry: Carry, lengths: Tensor | None, resets: Resets
    ) -> tuple[Tensor, Carry]:
        inner, own = resets.divided(self._leaves)
        x = x.masked_fill(~existing(x, lengths), 0)
        means, after = by_sequence(running_mean, x, carry[self._leaves :], lengths, own)
        out, end = self.core.forward_from(self._read(x, means), carry[: self._leaves], lengths, inner)
        return out, (*end, *after)

    def initial_carry(self, row_count: int) -> Carry:
        inner, weight = self.core.initial_carry(row_count), next(self.core.parameters())
        total = weight.new_zeros(row_count, self.input_size, dtype=torch.float64)
        return (*inner, total, total.new_full((row_count, 1), self.prior))

    def learnable_parts(self) -> tuple[bool, ...]:
        return (*self.core.learnable_parts(), False, False)

    def _read(self, x: Tensor, means: Tensor) -> Tensor:
        """What the inner core reads, (B, T, F or 2 F)."""
        centred = (x - means).to(x.dtype)
        return torch.cat([x, centred], 2) if self.both else centred
