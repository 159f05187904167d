"""A core read in both directions."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from elman.cores._inner import made
from elman.cores.core import Core
from elman.cores.crossing import Crossing
from elman.tree import Carry


class Bidirectional(Core):
    """Two cores with weights of their own, one from each row's first step on, one from its last step back.

    out_t = [f_t, b_t]: f_t has read steps 1 to t, b_t has read steps n to t, n the row's own length.

    An output depends on later steps, so every sequence must lie whole in one batch: `Full` and `Split` train
    it, strategies that go on from a carry are refused, and nothing can be predicted as it comes. At a row's
    last step b_t has read that step alone; where only that one is scored, `Pooled` around this core shows
    it all of them.

    The carry is that of the first core, then that of the second: where each begins, and where each ends, the
    second at the row's first step.

    Args:
        input_size: features of a step, F.
        core: both cores, all but their input size; null: an `LSTM`. `output_size` is twice theirs.

    Raises:
        ValueError: if `core` is no core, or one that reads later steps itself.

    Cost: both cores, and two copies of the window, turned round.

    Source: Schuster & Paliwal (1997), IEEE Transactions on Signal Processing 45(11).
    Differs: with several layers, each direction is a stack of its own, as in the paper's figure, where
        torch hands both directions to each next layer.
    """

    streams = False

    def __init__(self, input_size: int, *, core: Callable[[int], Core] | None = None) -> None:
        super().__init__()
        self.forward_core, self.backward_core = made(core, input_size), made(core, input_size)
        if not self.forward_core.streams:
            name = type(self.forward_core).__name__
            raise ValueError(f"core is read in both directions here, but {name} reads later steps itself")
        self.input_size, self.output_size = input_size, 2 * self.forward_core.output_size
        self._leaves = len(self.forward_core.initial_carry(1))  # of the first core's carry

    def forward(self, x: Tensor, carry: Carry, lengths: Tensor | None = None) -> tuple[Tensor, Carry]:
        out, end = self.forward_core(x, carry[: self._leaves], lengths)
        turned, first = self.backward_core(reversed_rows(x, lengths), carry[self._leaves :], lengths)
        return torch.cat([out, reversed_rows(turned, lengths)], 2), (*end, *first)

    def initial_carry(self, row_count: int) -> Carry:
        return (*self.forward_core.initial_carry(row_count), *self.backward_core.initial_carry(row_count))

    def use_crossing(self, crossing: Crossing) -> bool:
        """Each direction goes back step by step on its own way."""
        return all(core.use_crossing(crossing) for core in (self.forward_core, self.backward_core))

    def learnable_parts(self) -> tuple[bool, ...]:
        return (*self.forward_core.learnable_parts(), *self.backward_core.learnable_parts())


def reversed_rows(x: Tensor, lengths: Tensor | None) -> Tensor:
    """(B, T, F) with the steps of each row that exist in reverse; those beyond stay where they are.

    Args:
        lengths: (B,) int on the host; None: every row has T steps.
    """
    if lengths is None:
        return x.flip(1)
    steps = torch.arange(x.shape[1])
    last = lengths.unsqueeze(1) - 1  # (B, 1)
    source = torch.where(steps <= last, last - steps, steps).to(x.device)  # (B, T)
    return x.gather(1, source.unsqueeze(2).expand_as(x))
