"""Sequences that begin inside rows, and how a core that knows nothing of them runs over them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from elman.tree import Carry, rows, where_rows

Forward = Callable[[Tensor, Carry, Tensor | None], tuple[Tensor, Carry]]


class Resets(NamedTuple):
    """Where sequences begin inside rows, and the carry that they begin with.

    Args:
        begins: (B, T) bool on the host. Step 0 is not looked at: there the carry counts that a row comes
            with. No sequence begins where no step exists.
        first: the carry before a sequence's first step, B rows.
    """

    begins: Tensor
    first: Carry

    @property
    def steps(self) -> list[int]:
        """The steps after step 0 at which a row begins."""
        return [step + 1 for step in self.begins[:, 1:].any(0).nonzero().flatten().tolist()]

    def of(self, index: Tensor) -> Resets:
        """Those of some rows, (N,) int on the host."""
        return Resets(self.begins[index], rows(self.first, index))

    def divided(self, leaves: int) -> tuple[Resets, Resets]:
        """With the first `leaves` tensors of the carry, and with the rest: for a core around a core."""
        return self._replace(first=self.first[:leaves]), self._replace(first=self.first[leaves:])


def in_stretches(
    forward: Forward, x: Tensor, carry: Carry, lengths: Tensor | None, resets: Resets
) -> tuple[Tensor, Carry]:
    """`forward` of a core that reads no later steps, a call for each stretch in which no row begins.

    Args:
        forward: as `Core.forward`; the rest are its arguments.
    """
    outs = []
    for start, stop in pairwise([0, *resets.steps, x.shape[1]]):
        if start:
            carry = where_rows(resets.begins[:, start], resets.first, carry)
        exist = None if lengths is None else (lengths - start).clamp(0, stop - start)
        out, carry = forward(x[:, start:stop], carry, exist)
        outs.append(out)
    return torch.cat(outs, 1), carry
