"""A layer over a short window, its steps in one native call there and one back, in buffers that are kept.

The arithmetic is that of `Native`; spared is what calls of Python cost beside five small products.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import torch
from torch import Tensor

from elman.cores._build import library
from elman.cores._native import Block, threads_worth
from elman.cores.crossing import Crossing
from elman.cores.pointwise import Pointwise
from elman.tree import Carry


class Short:
    """One layer over steps of rows that all have all of them and do not begin inside.

    Args:
        cell: with a native step.
        weight_hh: (G H, H), of whose type and shape the buffers are.
        rows: B.
        steps: T.
        parts: of the carry.
    """

    def __init__(self, cell: Pointwise, weight_hh: Tensor, *, rows: int, steps: int, parts: int) -> None:
        (gates, hidden), every, found = weight_hh.shape, rows * steps, library(weight_hh.dtype)
        self.gates, self.joined = gates, cell.joined * hidden
        empty, width = weight_hh.new_empty, 2 * gates - self.joined
        states = [empty(rows + every, hidden) for _ in range(parts)]
        self.starts, self.ends = [s[:rows] for s in states], [s[every:] for s in states]
        self.before, self.outputs = states[0][:every], states[0][rows:]
        self.bias = empty(self.joined)
        a, d = empty(every, width), empty(every, width)
        self.joined_a, self.product_a, self.rest_a = (
            a[:, : self.joined],
            a[:, self.joined : gates],
            a[:, gates:],
        )
        self.joined_d, self.product_d, self.rest_d = d[:, : self.joined], d[:, :gates], d[:, gates:]
        self.all_d = d
        panel = found.panel_width()
        there, back = (-(-n // panel) * panel * m for n, m in ((gates, hidden), (hidden, gates)))
        self.packed = empty(there), empty(back)
        self.pack = found.pack
        self.run = [getattr(found, f"run_{cell.native}_{way}") for way in ("forward", "backward")]
        self.sizes = (ctypes.c_int64 * (steps + 1))(*[rows] * (steps + 1))
        self.blocks = [
            Block(w=packed.data_ptr(), hidden=hidden, steps=steps, rows=every) for packed in self.packed
        ]
        for block in self.blocks:
            block.parts = threads_worth(rows, every * weight_hh.numel())
            block.sizes, block.a, block.d = ctypes.addressof(self.sizes), a.data_ptr(), d.data_ptr()
            for name, state in zip("hc", states, strict=False):
                setattr(block, name, state.data_ptr())
                setattr(block, f"before_{name}", state.data_ptr())
                setattr(block, f"after_{name}", state[rows:].data_ptr())
        self.x: Tensor | None = None

    def forward(self, x: Tensor, weights: Sequence[Tensor], carry: Sequence[Tensor]) -> tuple[Tensor, Carry]:
        """Run all steps.

        Args:
            x: (N, F), the rows of step 0, then those of step 1, and so on.
            weights: weight_ih, weight_hh, bias_ih, bias_hh.
            carry: (B, H) each.

        Returns:
            h of every step, (N, H), which the next call overwrites, and the carry after the last one.
        """
        weight_ih, weight_hh, bias_ih, bias_hh = weights
        joined, (rows, columns) = self.joined, weight_hh.shape
        for start, leaf in zip(self.starts, carry, strict=True):
            start.copy_(leaf)
        if joined == rows:
            torch.add(bias_ih, bias_hh, out=self.bias)
            torch.addmm(self.bias, x, weight_ih.t(), out=self.joined_a)
        else:
            torch.add(bias_ih[:joined], bias_hh[:joined], out=self.bias)
            torch.addmm(self.bias, x, weight_ih[:joined].t(), out=self.joined_a)
            torch.addmm(bias_ih[joined:], x, weight_ih[joined:].t(), out=self.rest_a)
            self.product_a.copy_(bias_hh[joined:])
        self.pack(columns, rows, 1, columns, weight_hh.data_ptr(), self.packed[0].data_ptr())
        self.run[0](ctypes.byref(self.blocks[0]))
        self.x = x
        return self.outputs, tuple(end.clone() for end in self.ends)

    def backward(
        self,
        weights: Sequence[Tensor],
        dout: Tensor,
        dends: Sequence[Tensor] | None,
        *,
        into: Sequence[Tensor],
        crossing: Crossing | None,
        by_x: bool,
    ) -> tuple[Tensor | None, list[Tensor]]:
        """The gradients by x, if asked for, and by the carry, (B, H) each, of the window run last.

        Args:
            weights: as they were.
            dout: (N, H), of the loss by the outputs.
            dends: (B, H) each, by the carry after the last step; None: zero.
            into: of the weights' shapes, contiguous, to which their gradients are added.
            crossing: what gradients go through between steps; None: nothing.
        """
        x, weight_ih, weight_hh, block = self.x, weights[0], weights[1], self.blocks[1]
        assert x is not None, "forward comes first"
        joined, (rows, columns) = self.joined, weight_hh.shape
        if dends is None:
            dcarry = [torch.zeros_like(start) for start in self.starts]
        else:
            dcarry = [dend.clone(memory_format=torch.contiguous_format) for dend in dends]
        dout, factors = dout.contiguous(), None
        block.dy, block.dh = dout.data_ptr(), dcarry[0].data_ptr()
        block.dc = dcarry[1].data_ptr() if len(dcarry) > 1 else None
        if crossing is not None:
            factors = (ctypes.c_double * len(crossing))(*crossing)
        block.crossing = None if factors is None else ctypes.addressof(factors)
        self.pack(rows, columns, columns, 1, weight_hh.data_ptr(), self.packed[1].data_ptr())
        block.by_bias_ih, block.by_bias_hh = into[2].data_ptr(), into[3].data_ptr()
        self.run[1](ctypes.byref(block))
        self.x = None
        into[1].addmm_(self.product_d.t(), self.before)
        if joined == rows:
            into[0].addmm_(self.all_d.t(), x)
            return self.all_d.mm(weight_ih) if by_x else None, dcarry
        into[0][:joined].addmm_(self.joined_d.t(), x)
        into[0][joined:].addmm_(self.rest_d.t(), x)
        if not by_x:
            return None, dcarry
        return self.joined_d.mm(weight_ih[:joined]).addmm_(self.rest_d, weight_ih[joined:]), dcarry
