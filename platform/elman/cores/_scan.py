"""A layer over time with its backward pass written by hand.

Forward, U x + b of a block of steps is one product, and each step is one product with h_{t-1}. Backward, all
that does not depend on the incoming gradient is computed for a block at once, each step is again one product,
and the gradients of weights are one product a block. docs/bptt.md derives it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from elman.cores._layout import Layout, anew
from elman.cores._native import Native
from elman.cores._passes import Gradients, Passes, Ran
from elman.cores.crossing import Crossing
from elman.cores.pointwise import Pointwise, Slopes
from elman.tree import Carry


def scan(
    cell: Pointwise,
    x: Tensor,
    carry: Carry,
    weights: Sequence[Tensor],
    layout: Layout,
    *,
    first: Carry = (),
    crossing: Crossing | None = None,
    native: bool = False,
) -> tuple[Tensor, Carry]:
    """Run one layer over steps of rows that end one after another, in the precision of its weights.

    Args:
        x: (N, F), the rows of step 0, then those of step 1, and so on.
        carry: (B, H) each.
        weights: weight_ih (G H, F), weight_hh (G H, H), bias_ih (G H,), bias_hh (G H,).
        layout: of these rows.
        first: (B, H) each, what rows begin with that begin inside; empty: none does.
        crossing: what gradients go through between steps; None: nothing.
        native: by the library of _native.c, which is there.

    Returns:
        h of every step, (N, H), and the carry after each row's last step.
    """
    begin = first if layout.begins else ()
    dtype, given = weights[0].dtype, (x, *weights, *carry, *begin)
    tensors = [leaf if leaf.dtype == dtype else leaf.to(dtype) for leaf in given]
    passes: Passes = Native if native else Blocks
    if not torch.is_autocast_enabled(x.device.type):
        return _run(passes, cell, layout, crossing, tensors)
    with torch.autocast(x.device.type, enabled=False):  # which would cast some of the products alone
        return _run(passes, cell, layout, crossing, tensors)


def _run(
    passes: Passes, cell: Pointwise, layout: Layout, crossing: Crossing | None, tensors: Sequence[Tensor]
) -> tuple[Tensor, Carry]:
    """Without autograd's view of it, which costs a short window much, where nothing is to be learned."""
    if torch.is_grad_enabled() and any(leaf.requires_grad for leaf in tensors):
        out, *ends = _Scan.apply(passes, cell, layout, crossing, *tensors)
    else:
        out, ends = passes.forward(cell, layout, tensors, keeps=False).outputs()
    return out, tuple(ends)


class _Scan(torch.autograd.Function):
    """Autograd's view of a scan: one node for all steps of a layer."""

    @staticmethod
    def forward(
        ctx: Any, passes: Passes, cell: Pointwise, layout: Layout, crossing: Crossing | None, *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        ran = passes.forward(cell, layout, tensors, keeps=True)
        ctx.passes, ctx.cell, ctx.layout, ctx.crossing = passes, cell, layout, crossing
        ctx.parts = len(ran.states)
        ctx.save_for_backward(ran.x, *ran[3:5], *ran.states, *ran.first, *ran.gates)
        out, ends = ran.outputs()
        return out, *ends

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dout: Tensor, *dends: Tensor) -> tuple[Tensor | None, ...]:
        parts, needs = ctx.parts, ctx.needs_input_grad[4:]
        x, weight_ih, weight_hh, *saved = ctx.saved_tensors
        states, saved = saved[:parts], saved[parts:]
        first, gates = (saved[:parts], saved[parts:]) if ctx.layout.begins else ([], saved)
        ran = Ran(ctx.cell, ctx.layout, x, weight_ih, weight_hh, states, first, gates)
        by_first = any(needs[5 + parts :])
        found = ctx.passes.backward(ran, dout, dends, crossing=ctx.crossing, by_x=needs[0], by_first=by_first)
        unasked = [None] * (len(first) - len(found.first))
        return None, None, None, None, found.x, *found.weights, *found.carry, *found.first, *unasked


class Blocks:
    """`Passes` by torch, a block of steps after another."""

    @staticmethod
    def forward(cell: Pointwise, layout: Layout, tensors: Sequence[Tensor], *, keeps: bool) -> Ran:
        x, weight_ih, weight_hh, bias_ih, bias_hh, *carries = tensors
        count = len(carries) // 2 if layout.begins else len(carries)
        carry, first = carries[:count], carries[count:]
        hidden = weight_hh.shape[1]
        joined, apart = cell.joined * hidden, (cell.gates - cell.joined) * hidden
        keeps, rows = cell.keeps_gates and keeps, layout.row_count
        bias = bias_ih.clone()
        bias[:joined] += bias_hh[:joined]
        w_joined, w_apart = weight_hh[:joined].t().contiguous(), weight_hh[joined:].t().contiguous()
        states = [x.new_empty(rows + layout.all_rows, hidden) for _ in carry]
        for state, start in zip(states, carry, strict=True):
            state[:rows] = start
        room = layout.all_rows if keeps else layout.largest_block
        gates = [x.new_empty(room, width) for width in ((joined, apart, apart) if apart else (joined,))]
        now, none = tuple(carry), x.new_empty(0)
        for block in layout.blocks():
            at, after = layout.at(block), layout.at(block, skip=rows)
            parts = [part[at if keeps else slice(0, at.stop - at.start)] for part in gates]
            torch.addmm(bias[:joined], x[at], weight_ih[:joined].t(), out=parts[0])
            if apart:
                torch.addmm(bias[joined:], x[at], weight_ih[joined:].t(), out=parts[1])
                parts[2].copy_(bias_hh[joined:].expand_as(parts[2]))
            by_step = [layout.split(part, block) for part in parts]
            by_step += [] if apart else [[none] * len(block)] * 2
            new = zip(*(layout.split(state[after], block) for state in states), strict=True)
            for step, a, rest, product, end in zip(block, *by_step, new, strict=True):
                if len(a) < len(now[0]):
                    now = tuple(leaf[: len(a)] for leaf in now)
                now = anew(layout.marks[step], tuple(first), now)
                a.addmm_(now[0], w_joined)
                if apart:
                    product.addmm_(now[0], w_apart)
                cell.step(a, rest, product, now, end)
                now = end
        return Ran(cell, layout, x, weight_ih, weight_hh, states, first, gates if keeps else [])

    @staticmethod
    def backward(
        ran: Ran,
        dout: Tensor,
        dends: Sequence[Tensor],
        *,
        crossing: Crossing | None,
        by_x: bool,
        by_first: bool,
    ) -> Gradients:
        crossing = crossing or Crossing()
        cell, layout, x, weight_ih, weight_hh, states, first, gates = ran
        joined, rows = cell.joined * weight_hh.shape[1], layout.row_count
        # transposed: of few inputs the product is ten times faster so
        d_ih, d_hh = (w.new_zeros(w.t().shape) for w in (weight_ih, weight_hh))
        d_bias_ih, d_bias_hh = (weight_hh.new_zeros(len(weight_hh)) for _ in range(2))
        dx = torch.empty_like(x) if by_x else None
        dys, last = dout.split(layout.sizes), layout.sizes[-1]
        dcarry = [dend[:last].clone() for dend in dends]
        dcarry[0] += dys[-1]
        dfirst = [torch.zeros_like(leaf) for leaf in first] if by_first else []
        back = weight_hh if crossing.decay == 1 else weight_hh * crossing.decay
        for block in reversed(layout.blocks()):
            at = layout.at(block)
            starts: Sequence[Tensor | None] = first or [None] * len(states)
            pairs = zip(states, starts, strict=True)
            before = tuple(layout.before(state, start, block) for state, start in pairs)
            after = tuple(state[layout.at(block, skip=rows)] for state in states)
            parts = [part[at] for part in gates]
            parts += [x.new_empty(0)] * (3 - len(parts))
            slopes = cell.slopes(*parts, before=before, after=after)
            if crossing.decay != 1:  # of which no more is needed step by step
                past = (slopes.direct, slopes.keeps)
                direct, keeps = (None if slope is None else slope * crossing.decay for slope in past)
                slopes = slopes._replace(direct=direct, keeps=keeps)
            given = {"dys": dys, "dends": dends, "dfirst": dfirst, "weight_hh": back, "clip": crossing.clip}
            dcarry = _through(slopes, dcarry, cell, layout, block, **given)
            product = slopes.product.flatten(1)
            d_hh.addmm_(before[0].t(), product)
            d_bias_hh += product.sum(0)
            drives = [product[:, :joined], *([] if slopes.rest is None else [slopes.rest.flatten(1)])]
            for drive, of in zip(drives, (slice(0, joined), slice(joined, None)), strict=False):
                d_ih[:, of].addmm_(x[at].t(), drive)
                d_bias_ih[of] += drive.sum(0)
            if dx is not None:
                torch.mm(drives[0], weight_ih[:joined], out=dx[at])
                for drive in drives[1:]:
                    dx[at].addmm_(drive, weight_ih[joined:])
        return Gradients(dx, (d_ih.t(), d_hh.t(), d_bias_ih, d_bias_hh), dcarry, dfirst)


def _through(
    slopes: Slopes,
    dcarry: list[Tensor],
    cell: Pointwise,
    layout: Layout,
    block: range,
    *,
    dys: Sequence[Tensor],
    dends: Sequence[Tensor],
    dfirst: Sequence[Tensor],
    weight_hh: Tensor,
    clip: float,
) -> list[Tensor]:
    """The gradient by the carry before a block, from that by the carry after it; `slopes` become gradients.

    Args:
        dcarry: (B, H) each, of the rows that have the block's last step; its first part is dL/dh whole.
        dys: of the loss by the output of each step.
        dends: of the loss by the carry after each row's last step.
        dfirst: (B, H) each, to which is added what a row that begins inside hands back; empty: nobody asks.
        weight_hh: times the decay of what is handed back, as are `direct` and `keeps` of the slopes.
        clip: its largest size, number by number; inf: no limit.
    """
    memory, clips = cell.through_memory, clip < torch.inf

    def by_step(rows: Tensor | None) -> Iterator[Any]:
        return reversed([None] * len(block) if rows is None else layout.split(rows, block))

    steps = zip(
        reversed(block),
        by_step(slopes.product[:, memory:]),
        by_step(slopes.product[:, :memory]),
        by_step(slopes.product.flatten(1)),
        by_step(slopes.rest),
        by_step(slopes.direct),
        by_step(slopes.shows),
        by_step(slopes.keeps),
        strict=True,
    )
    dh, *dc = dcarry
    for step, by_h, by_c, product, rest, direct, shows, keeps in steps:
        wide = dh.unsqueeze(1)
        by_h.mul_(wide)
        if rest is not None:
            rest.mul_(wide)
        if dc:
            dc[0].addcmul_(dh, shows)
            by_c.mul_(dc[0].unsqueeze(1))
            dc[0].mul_(keeps)
            if clips:
                dc[0].clamp_(-clip, clip)
        below, mark = dys[step - 1] if step else None, layout.marks[step]
        count = len(dh)
        begin = mark is not None and bool(dfirst)
        if below is None or clips or begin:  # what goes back is needed apart from what enters
            back = product.mm(weight_hh) if direct is None else torch.addmm(dh * direct, product, weight_hh)
            if clips:
                back.clamp_(-clip, clip)
        if below is None:
            dh = back
            break
        here = below if len(below) == count else below[:count]
        if begin:
            for total, leaf in zip(dfirst, (back, *dc), strict=True):
                total.index_add_(0, mark, leaf.index_select(0, mark))
        if clips or begin:
            dh = here + back
        else:
            base = here if direct is None else torch.addcmul(here, dh, direct)
            dh = torch.addmm(base, product, weight_hh)
        if mark is not None:
            dh.index_copy_(0, mark, here.index_select(0, mark))
            dc = [leaf.index_fill_(0, mark, 0) for leaf in dc]
        if len(below) > count:  # rows whose last step is the one before
            ended = slice(count, len(below))
            dh = torch.cat([dh, below[ended] + dends[0][ended]])
            dc = [torch.cat([leaf, dend[ended]]) for leaf, dend in zip(dc, dends[1:], strict=True)]
    return [dh, *dc]
