"""The contract of a recurrent network."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from elman.cores.crossing import Crossing
from elman.cores.resets import Resets, in_stretches
from elman.tree import Carry


class Core(nn.Module, ABC):
    """A recurrent network: inputs and a carry in, outputs and a carry out.

    A carry is a tuple of tensors with rows first, float32 or wider whatever the precision of the
    arithmetic. A core knows no optimiser, loss or strategy. Every core takes `input_size`
    first and everything else by keyword.
    """

    streams: bool = True
    """False for a core whose output at a step depends on later steps."""

    predicts: bool = False
    """True for a core whose outputs are the predictions: nothing is learned behind it."""

    input_size: int
    output_size: int

    @abstractmethod
    def forward(self, x: Tensor, carry: Carry, lengths: Tensor | None = None) -> tuple[Tensor, Carry]:
        """Run all steps of `x`.

        Args:
            x: (B, T, input_size).
            carry: where each row starts.
            lengths: (B,) int on the host, 0 <= length <= T; None: every row has T steps.

        Returns:
            out (B, T, output_size), zero from a row's length on, and the carry at each row's own
            last step.
        """

    def forward_from(
        self, x: Tensor, carry: Carry, lengths: Tensor | None, resets: Resets
    ) -> tuple[Tensor, Carry]:
        """`forward` over rows in which sequences begin inside; for a core that `streams`.

        Here: a call for each stretch of steps in which no row begins.
        """
        return in_stretches(self, x, carry, lengths, resets)

    def use_crossing(self, crossing: Crossing) -> bool:
        """Send gradients from each step to the one before through `crossing` from now on, if the core can.

        False: it cannot itself; a core that streams is then run step by step.
        """
        return False

    def why_not_by_hand(self) -> str:
        """Why a window of it needs autograd; empty: `by_hand` does without, as of `Cell`."""
        return f"{type(self).__name__} has no backward pass by hand"

    def untraceable(self) -> str | None:
        """Why the carry's derivatives cannot be traced forward in time; None: they can, by `traced_steps`."""
        return f"{type(self).__name__} does not write its step with derivatives; a Cell with `pointwise` does"

    @abstractmethod
    def initial_carry(self, row_count: int) -> Carry:
        """The carry before a sequence's first step, on the parameters' device."""

    def learnable_parts(self) -> tuple[bool, ...]:
        """For every tensor of the carry, whether it may begin with learned values: not sums and counts."""
        return (True,) * len(self.initial_carry(1))


def wide(dtype: torch.dtype) -> torch.dtype:
    """The carry's type beside weights of `dtype`: float32 or wider, so that rounding does not pile up."""
    return torch.float64 if dtype == torch.float64 else torch.float32
