"""The simple recurrent unit: gates that see their own memory alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from elman.cores._layout import Layout, anew
from elman.cores._linear import AtOnce, Time, reverse, widened
from elman.cores.cell import Cell
from elman.tree import Carry


class SRU(Cell):
    """Light recurrence: a memory whose gates read it unit by unit, and a way past it for the input.

    f = sigmoid(U x_t + v c_{t-1} + b), r = sigmoid(U x_t + v c_{t-1} + b), each with its own U, v, b;
    c_t = f c_{t-1} + (1 - f) (U x_t);  h_t = r c_t + (1 - r) x_t, or (1 - r) (U x_t) with a U of its own
    where x is not as wide as h.

    Since c enters f, c is not linear in itself. The carry is (c,), (B, L, H).

    Cost: scan: one product for the inputs of all steps and no other, then a step is three operations in
        place, and one backward.

    Source: Lei, Zhang, Wang, Dai & Artzi (2018), arXiv 1709.02755, equations 1 to 4.
    Differs: x is not scaled on its way past; layers and dropout between them are those of every core, and
        residual sums may be added to the paper's own way past; v stands in `weight_c`, of f, then of r.
    """

    gates = 3
    keeping_gate = "forget"

    def shapes(self, input_size: int) -> Mapping[str, tuple[int, ...]]:
        hidden = self.hidden_size
        rows = (3 if input_size == hidden else 4) * hidden
        return {"weight_ih": (rows, input_size), "weight_c": (2 * hidden,), "bias": (2 * hidden,)}

    def drive(self, x: Tensor, weights: Any) -> Tensor:
        return torch.cat(self._read(x, weights), -1)

    def _read(self, x: Tensor, weights: Any) -> tuple[Tensor, ...]:
        """What c takes in, f and r without v c, and what goes past, (..., H) each."""
        hidden = self.hidden_size
        bias = F.pad(weights.bias, (hidden, len(weights.weight_ih) - 3 * hidden))
        read = widened(F.linear(x, weights.weight_ih, bias))
        past = () if len(weights.weight_ih) > 3 * hidden else (widened(x),)
        return *read.chunk(len(weights.weight_ih) // hidden, -1), *past

    def step(self, drive: Tensor, carry: Carry, weights: Any) -> tuple[Tensor, Carry]:
        new, _, _, past = drive.chunk(4, 1)
        f, r = self._gates(drive, carry, weights)
        c = torch.lerp(new, carry[0].to(new.dtype), f)
        return torch.lerp(past, c, r).to(weights.bias.dtype), (c,)

    def _gates(self, drive: Tensor, carry: Carry, weights: Any) -> tuple[Tensor, ...]:
        own = weights.weight_c * carry[0].repeat(1, 2)
        return torch.sigmoid(drive[:, self.hidden_size : 3 * self.hidden_size] + own).chunk(2, 1)

    def open_gates(self, drive: Tensor, carry: Carry, weights: Any) -> Mapping[str, Tensor]:
        f, r = self._gates(drive, carry, weights)
        return {"forget": f, "reset": r}

    def at_once(self) -> AtOnce:
        return AtOnce("scan", self._all_steps)

    def _all_steps(self, x: Tensor, carry: Carry, weights: Any, time: Time) -> tuple[Tensor, Carry]:
        new, f, r, past = self._read(x, weights)
        by_f, by_r = widened(weights.weight_c).chunk(2)
        start, first = carry[0].to(new.dtype), time.begun(0)
        first = None if first is None else first.to(new.dtype)
        c, end = _Memory.apply(time.layout, first, new, f, by_f, start)
        before, _ = time.before(c, start, first)
        h = torch.lerp(past, c, torch.sigmoid(torch.addcmul(r, by_r, before)))
        return h.to(weights.bias.dtype), (end,)


class Kept(NamedTuple):
    """What the forward pass of c keeps.

    Args:
        new: (N, H), U x_t.
        f: (N, H).
        v: (H,), that of f.
        states: (B + N, H), what rows start with, then c of every step.
        first: (B, H), what rows begin with that begin inside; None: none does.
    """

    new: Tensor
    f: Tensor
    v: Tensor
    states: Tensor
    first: Tensor | None


def forward(
    gates: tuple[Tensor, Tensor, Tensor], start: Tensor, layout: Layout, *, first: Tensor | None = None
) -> Kept:
    """c of all steps.

    Args:
        gates: U x_t, and f's sum without v c_{t-1}, (N, H) each; v, (H,).
        start, layout, first: as of the linear recurrence.
    """
    new, f, v = gates
    f = f.clone(memory_format=torch.contiguous_format)
    states = new.new_empty(len(start) + len(new), new.shape[1])
    states[: len(start)] = start
    now, begin = start, () if first is None else (first,)
    parts = (part.split(layout.sizes) for part in (new, f, states[layout.row_count :]))
    for taken_in, gate, c, mark in zip(*parts, layout.marks, strict=True):
        (now,) = anew(mark, begin, (now if len(now) == len(c) else now[: len(c)],))
        torch.lerp(taken_in, now, gate.addcmul_(v, now).sigmoid_(), out=c)
        now = c
    return Kept(new, f, v, states, first if layout.begins else None)


def backward(kept: Kept, layout: Layout, dout: Tensor, dend: Tensor) -> tuple[Tensor | None, ...]:
    """The gradients by new, f, v, start and first: with s = f (1 - f) (c_{t-1} - U x_t), dc_t by f's sum,

    dc_{t-1} = (f + v s) dc_t,  d(U x_t) = (1 - f) dc_t,  df = s dc_t,  dv = sum of c_{t-1} df.
    """
    new, f, v, states, first = kept
    before = layout.before(states, first, range(len(layout.sizes)))
    slope = torch.addcmul(f, f, f, value=-1).mul_(before - new)
    dc, dstart, dfirst = reverse(torch.addcmul(f, v, slope), layout, dout, dend)
    df = slope.mul_(dc)
    return torch.addcmul(dc, dc, f, value=-1), df, (df * before).sum(0), dstart, dfirst


class _Memory(torch.autograd.Function):
    """Autograd's view of `forward` and `backward`: one node for all steps."""

    @staticmethod
    def forward(ctx: Any, layout: Layout, first: Tensor | None, *given: Tensor) -> tuple[Tensor, Tensor]:
        new, f, v, start = given
        kept = forward((new, f, v), start, layout, first=first)
        ctx.layout = layout
        ctx.save_for_backward(*kept)
        return kept.states[layout.row_count :], layout.ends(kept.states)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dout: Tensor, dend: Tensor) -> tuple[Tensor | None, ...]:
        *gradients, dfirst = backward(Kept(*ctx.saved_tensors), ctx.layout, dout, dend)
        return None, dfirst, *gradients
