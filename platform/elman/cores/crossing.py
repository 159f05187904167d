"""What a gradient goes through where it crosses from a step to the one before it."""

from __future__ import annotations

from math import inf
from typing import Any, NamedTuple

import torch
from torch import Tensor

from elman.cores.resets import Forward, Resets
from elman.tree import Carry, tree_map, where_rows


class Crossing(NamedTuple):
    """How the gradient by a carry goes on from the step that read it.

    With v what a step's backward pass hands to the carry that the step began with, the step before gets

        clamp(decay v, -clip, clip)

    number by number, in every layer and every tensor of the carry. What enters there from the readout and
    from layers above is not touched.

    Args:
        decay: factor in (0, 1].
        clip: largest size of a number; inf: no limit.
    """

    decay: float = 1.0
    clip: float = inf

    @property
    def clips(self) -> bool:
        return self.clip < inf

    def changed(self, gradient: Tensor) -> Tensor:
        """The gradient after it, another tensor; what is no number stays so."""
        scaled = gradient * self.decay
        return scaled.clamp_(-self.clip, self.clip) if self.clips else scaled


class _Crossed(torch.autograd.Function):
    """The value itself, whose gradient is changed on the way back."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, crossing: Crossing) -> Tensor:
        ctx.crossing = crossing
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return ctx.crossing.changed(grads[0]), None


def crossed(carry: Carry, crossing: Crossing) -> Carry:
    """The same carry; what comes back through it goes through `crossing`."""
    return tree_map(
        lambda leaf: _Crossed.apply(leaf, crossing) if leaf.is_floating_point() else leaf,
        carry,
    )


def step_by_step(
    forward: Forward,
    x: Tensor,
    carry: Carry,
    lengths: Tensor | None,
    *,
    resets: Resets | None,
    crossing: Crossing,
) -> tuple[Tensor, Carry]:
    """A core that streams, a call for each step, so that every gradient by a carry goes through `crossing`.

    Args:
        forward: as `Core.forward`; the rest are its arguments.
        resets: where rows begin inside; None: none does.
    """
    outs = []
    for step in range(x.shape[1]):
        if resets is not None and step and bool((begins := resets.begins[:, step]).any()):
            carry = where_rows(begins, resets.first, carry)
        before, exist = crossed(carry, crossing), None
        if lengths is not None and not bool((has := lengths > step).all()):  # no step, no crossing
            before, exist = where_rows(has, before, carry), has.to(lengths.dtype)
        out, carry = forward(x[:, step : step + 1], before, exist)
        outs.append(out)
    return torch.cat(outs, 1), carry
