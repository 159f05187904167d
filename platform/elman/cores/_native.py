"""The scan with all steps of a block in one call of _native.c, in 32 or 64 bits on CPU.

The products over many steps, of the inputs and for the weights' gradients, are torch's; the steps between
them, each with its product with h, are native. A row's numbers do not depend on the number of threads.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import torch
from torch import Tensor

from elman.cores._build import library
from elman.cores._layout import Layout
from elman.cores._passes import Gradients, Ran
from elman.cores.crossing import Crossing
from elman.cores.pointwise import Pointwise

LEAST_ROWS, LEAST_PRODUCTS = 8, 500_000
"""Of a block, for a thread to be worth its start: rows, and numbers multiplied."""


class Native:
    """`Passes` by _native.c, which is there.

    Gates lie as [joined | product | drive], the latter two of those that get their product apart: a step's
    product is that of the first G gates, and so are the gradients that `weight_hh` is told of.
    """

    @staticmethod
    def forward(cell: Pointwise, layout: Layout, tensors: Sequence[Tensor], *, keeps: bool) -> Ran:
        x, weight_ih, weight_hh, bias_ih, bias_hh, *carries = tensors
        parts = len(carries) // 2 if layout.begins else len(carries)
        carry, first = carries[:parts], [leaf.contiguous() for leaf in carries[parts:]]
        hidden, rows = weight_hh.shape[1], layout.row_count
        joined, gates = cell.joined * hidden, cell.gates * hidden
        keeps = cell.keeps_gates and keeps
        states = [x.new_empty(rows + layout.all_rows, hidden) for _ in carry]
        for state, start in zip(states, carry, strict=True):
            state[:rows] = start
        a = x.new_empty(layout.all_rows if keeps else layout.largest_block, 2 * gates - joined)
        w = weight_ih.t()
        call = _Call(cell, "forward", layout, weight_hh.t())
        call.point(first=first, before=[torch.empty_like(leaf) for leaf in first])
        if joined == gates:
            bias = bias_ih + bias_hh
        else:
            bias = torch.cat([bias_ih[:joined] + bias_hh[:joined], bias_ih[joined:]])
        for block in layout.blocks():
            at = layout.at(block)
            here = a[at if keeps else slice(0, at.stop - at.start)]
            if joined == gates:
                torch.addmm(bias, x[at], w, out=here)
            else:
                torch.addmm(bias[:joined], x[at], w[:, :joined], out=here[:, :joined])
                torch.addmm(bias[joined:], x[at], w[:, joined:], out=here[:, gates:])
                here[:, joined:gates] = bias_hh[joined:]
            call.point(state=[state[layout.start_before(block) :] for state in states], a=[here])
            call(block)
        return Ran(cell, layout, x, weight_ih, weight_hh, states, first, [a] if keeps else [])

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
        cell, layout, x, weight_ih, weight_hh, states, first, saved = ran
        joined, gates = cell.joined * weight_hh.shape[1], len(weight_hh)
        d_ih, d_hh = (w.new_zeros(w.t().shape) for w in (weight_ih, weight_hh))  # as in a scan, transposed
        d = x.new_empty(layout.largest_block, 2 * gates - joined)
        d_bias, ones = x.new_zeros(d.shape[1]), x.new_ones(len(d))
        dx = torch.empty_like(x) if by_x else None
        dy = dout.contiguous()
        dcarry = [dend.clone(memory_format=torch.contiguous_format) for dend in dends]
        dfirst = [torch.zeros_like(leaf) for leaf in first] if by_first else []
        call = _Call(cell, "backward", layout, weight_hh)
        call.point(dcarry=dcarry, dfirst=dfirst, d=[d])
        if crossing:
            call.cross(crossing)
        for block in reversed(layout.blocks()):
            at, after = layout.at(block), layout.at(block, skip=layout.row_count)
            starts: Sequence[Tensor | None] = first or [None] * len(states)
            pairs = zip(states, starts, strict=True)
            before = [layout.before(state, start, block) for state, start in pairs]
            call.point(before=before, after=[state[after] for state in states], dy=[dy[at]])
            call.point(a=[kept[at] for kept in saved])
            call(block)
            here = d[: at.stop - at.start]
            d_hh.addmm_(before[0].t(), here[:, :gates])
            d_bias.addmv_(here.t(), ones[: len(here)])
            by_input = [(here[:, :joined], slice(0, joined))]
            by_input += [(here[:, gates:], slice(joined, gates))] if joined < gates else []
            for number, (drive, of) in enumerate(by_input):
                d_ih[:, of].addmm_(x[at].t(), drive)
                if dx is not None:
                    torch.addmm(dx[at], drive, weight_ih[of], beta=min(number, 1), out=dx[at])
        d_bias_ih = d_bias.clone() if joined == gates else torch.cat([d_bias[:joined], d_bias[gates:]])
        return Gradients(dx, (d_ih.t(), d_hh.t(), d_bias_ih, d_bias[:gates]), dcarry, dfirst)


def threads_worth(rows: int, products: int) -> int:
    """How many threads take the rows of a block in which so many numbers are multiplied."""
    return max(1, min(torch.get_num_threads(), rows // LEAST_ROWS, products // LEAST_PRODUCTS))


class Block(ctypes.Structure):
    """`struct block` of _native.c, which says what the fields mean."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("parts", "hidden", "steps", "rows")),
        *((name, ctypes.c_void_p) for name in ("sizes", "w", "begins", "a", "d", "dy", "h", "c")),
        *((name, ctypes.c_void_p) for name in ("first_h", "first_c", "before_h", "before_c")),
        *((name, ctypes.c_void_p) for name in ("after_h", "after_c", "dh", "dc", "dfirst_h", "dfirst_c")),
        *((name, ctypes.c_void_p) for name in ("crossing", "by_bias_ih", "by_bias_hh")),
        ("next", ctypes.c_int64),
    )


FIELDS = {
    **{name: (name,) for name in ("a", "d", "dy")},
    **{name: (f"{name}_h", f"{name}_c") for name in ("first", "before", "after", "dfirst")},
    "state": ("h", "c"),
    "dcarry": ("dh", "dc"),
}
"""Of `Block`, by what they hold: a tensor, or one for each part of the carry."""


class _Call:
    """A cell's function of _native.c, and what it is told of all blocks.

    Args:
        way: forward, backward.
        w: (n, m), what a step multiplies n of its numbers by.
    """

    def __init__(self, cell: Pointwise, way: str, layout: Layout, w: Tensor) -> None:
        found = library(w.dtype)
        width = found.panel_width()
        self.run = getattr(found, f"run_{cell.native}_{way}")
        self.layout, self.products = layout, w.numel()
        self.sizes = (ctypes.c_int64 * (len(layout.sizes) + 1))(layout.row_count, *layout.sizes)
        self.packed = w.new_empty(-(-w.shape[1] // width) * width * len(w))
        found.pack(*w.shape, *w.stride(), w.data_ptr(), self.packed.data_ptr())
        self.block = Block(w=self.packed.data_ptr(), hidden=min(w.shape))
        self.held: dict[str, list[Tensor]] = {}  # alive as long as they are pointed at

    def point(self, **tensors: list[Tensor]) -> None:
        """Give what `FIELDS` names, contiguous."""
        self.held |= tensors
        for name, leaves in tensors.items():
            for field, leaf in zip(FIELDS[name], leaves, strict=False):
                setattr(self.block, field, leaf.data_ptr())

    def cross(self, crossing: Crossing) -> None:
        """Give what gradients go through between steps."""
        self.crossing = (ctypes.c_double * len(crossing))(*crossing)
        self.block.crossing = ctypes.addressof(self.crossing)

    def __call__(self, steps: range) -> None:
        """Run a block."""
        layout, block = self.layout, self.block
        begin, end = layout.offsets[steps.start], layout.offsets[steps.stop]
        block.steps, block.rows = len(steps), end - begin
        block.sizes = ctypes.addressof(self.sizes) + steps.start * ctypes.sizeof(ctypes.c_int64)
        if layout.begins:
            block.begins = layout.flat_marks.data_ptr() + begin
        block.parts = threads_worth(layout.sizes[steps.start], block.rows * self.products)
        self.run(ctypes.byref(block))
