"""The linear recurrence h_t = a_t h_{t-1} + b_t over rows of any length, with its backward pass by hand.

With g_t = dL/dh_t, all of it, and e_t what reaches h_t from its own step,

    g_t = e_t + conj(a_{t+1}) g_{t+1},   db_t = g_t,   da_t = g_t conj(h_{t-1}):

backward it is the same recurrence, from the last step to the first. That is also the backward pass of any
recurrence in which units stay on their own, with a_t the derivative of h_t by h_{t-1}.

a and b are known for all steps at once, so that what is left for a step is one multiplication and one sum in
place, unit by unit. On a CPU this is as fast as memory is; a tree, which waits for less, goes over all of it
log T times.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from elman.cores._layout import Layout, anew
from elman.cores.core import wide
from elman.tree import Carry

NUMBERS = 2**18
"""Of h, rows times units, in a block of steps: what is in work then stays in the processor's cache."""


class Kept(NamedTuple):
    """What a forward pass keeps.

    Args:
        a: (N, H), or (H,) where it is the same at all steps.
        states: (B + N, H), what rows start with, then h of every step.
        first: (B, H), what rows begin with that begin inside; None: none does.
    """

    a: Tensor
    states: Tensor
    first: Tensor | None

    def h(self, layout: Layout) -> Tensor:
        """(N, H), of every step."""
        return self.states[layout.row_count :]

    def before(self, layout: Layout) -> Tensor:
        """(N, H), h_{t-1} of every step, or what a row begins with there."""
        return layout.before(self.states, self.first, range(len(layout.sizes)))


class Gradients(NamedTuple):
    """Of a loss, by the arguments of `forward`; `first` None where none begins."""

    a: Tensor
    b: Tensor
    start: Tensor
    first: Tensor | None


def forward(a: Tensor, b: Tensor, start: Tensor, layout: Layout, *, first: Tensor | None = None) -> Kept:
    """All steps, real or complex.

    Args:
        a: (N, H), or (H,) for all steps.
        b: (N, H).
        start: (B, H), h before step 0.
        layout: of the rows of all steps.
        first: (B, H), h before a step at which a row begins.
    """
    states = b.new_empty(len(start) + len(b), b.shape[1])
    states[: len(start)] = start
    now, anew_from = start, () if first is None else (first,)
    new = states[layout.row_count :].split(layout.sizes)
    for by_a, add, h, mark in zip(_by_step(a, layout), b.split(layout.sizes), new, layout.marks, strict=True):
        now = now if len(now) == len(h) else now[: len(h)]
        (now,) = anew(mark, anew_from, (now,))
        torch.addcmul(add, by_a, now, out=h)
        now = h
    return Kept(a, states, first if layout.begins else None)


def backward(kept: Kept, layout: Layout, dout: Tensor, dend: Tensor) -> Gradients:
    """The gradients by what `forward` was given.

    Args:
        kept: what it returned.
        dout: (N, H), by h of every step.
        dend: (B, H), by h after each row's last step.
    """
    g, dstart, dfirst = reverse(kept.a, layout, dout, dend)
    before = kept.before(layout)
    da = g * before.conj() if kept.a.dim() > 1 else torch.linalg.vecdot(before, g, dim=0)
    return Gradients(da, g, dstart, dfirst)


def reverse(a: Tensor, layout: Layout, dout: Tensor, dend: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
    """g of every step, (N, H); then, (B, H) each, what reaches h before step 0 and what rows begin with."""
    g = dout.clone(memory_format=torch.contiguous_format)
    by_step, slopes = g.split(layout.sizes), _by_step(a.conj().resolve_conj(), layout)
    steps, dfirst = len(by_step), torch.zeros_like(dend) if layout.begins else None
    by_step[-1].add_(dend[: len(by_step[-1])])
    for step in range(steps - 1, 0, -1):
        here, below, mark = by_step[step], by_step[step - 1], layout.marks[step]
        count = len(here)
        if mark is None:
            (below if len(below) == count else below[:count]).addcmul_(here, slopes[step])
        else:
            back = here * slopes[step]
            assert dfirst is not None, "a layout in which rows begin"
            dfirst.index_add_(0, mark, back.index_select(0, mark))
            below[:count].add_(back.index_fill_(0, mark, 0))
        if len(below) > count:  # rows whose last step is the one before
            below[count:].add_(dend[count : len(below)])
    return g, by_step[0] * slopes[0], dfirst


def _by_step(a: Tensor, layout: Layout) -> Any:
    return a.split(layout.sizes) if a.dim() > 1 else [a] * len(layout.sizes)


class _Recurrence(torch.autograd.Function):
    """Autograd's view of `forward` and `backward`: one node for all steps."""

    @staticmethod
    def forward(ctx: Any, layout: Layout, first: Tensor | None, *given: Tensor) -> tuple[Tensor, Tensor]:
        a, b, start = given
        kept = forward(a, b, start, layout, first=first)
        ctx.layout = layout
        ctx.save_for_backward(*kept)
        return kept.h(layout), layout.ends(kept.states)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dout: Tensor, dend: Tensor) -> tuple[Tensor | None, ...]:
        *gradients, dfirst = backward(Kept(*ctx.saved_tensors), ctx.layout, dout, dend)
        return None, dfirst, *gradients


class Time:
    """All steps of a layer, for a cell that runs them itself.

    Args:
        layout: of the rows of all steps.
        first: (B, *) each, the carry that rows begin with inside; empty: none does.
    """

    def __init__(self, layout: Layout, first: Carry) -> None:
        self.layout, self.first = layout, first if layout.begins else ()

    def begun(self, part: int) -> Tensor | None:
        """A tensor of the carry that rows begin with inside; None: none does."""
        return self.first[part] if self.first else None

    def recur(
        self, a: Tensor, b: Tensor, start: Tensor, first: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """h_t = a_t h_{t-1} + b_t: h of every step, (N, H), and after each row's last one, (B, H).

        Args:
            a, b, start, first: as of `forward`; in 32 bits or more.
        """
        first = None if first is None else first.to(b.dtype)
        return _Recurrence.apply(self.layout, first, a, b, start)

    def before(self, x: Tensor, start: Tensor, first: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x of the step before, (N, F), and of each row's last step, (B, F).

        Args:
            x: (N, F).
            start: (B, F), before step 0.
            first: (B, F), before a step at which a row begins.
        """
        states = torch.cat([start, x])
        return self.layout.before(states, first, range(len(self.layout.sizes))), self.layout.ends(states)


class AtOnce(NamedTuple):
    """How a cell runs all steps of a layer itself.

    Args:
        kernel: what that is called: parallel, or scan where a step has to wait for the one before.
        run: (x (N, F), carry, weights, time) to (out (N, H), carry).
    """

    kernel: Literal["parallel", "scan"]
    run: Callable[[Tensor, Carry, Any, Time], tuple[Tensor, Carry]]

    def __call__(
        self, x: Tensor, carry: Carry, weights: Any, layout: Layout, *, first: Carry
    ) -> tuple[Tensor, Carry]:
        """A layer, in blocks of steps; arguments and result as of `scan`."""
        blocks, step, outs = layout.pieces(NUMBERS // carry[0].shape[1]), 0, []
        for block, piece in zip(blocks, x.split([block.all_rows for block in blocks]), strict=True):
            rows = block.row_count
            before = anew(layout.marks[step], first, tuple(leaf[:rows] for leaf in carry))
            out, after = self.run(piece, before, weights, Time(block, tuple(leaf[:rows] for leaf in first)))
            if rows < len(carry[0]):
                after = tuple(torch.cat([new, old[rows:]]) for new, old in zip(after, carry, strict=True))
            carry, step = after, step + len(block.sizes)
            outs.append(out)
        return outs[0] if len(outs) == 1 else torch.cat(outs), carry


def widened(drive: Tensor) -> Tensor:
    """In 32 bits or more, as a share that is kept at every step needs them."""
    return drive.to(wide(drive.dtype))
