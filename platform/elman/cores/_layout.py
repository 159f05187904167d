"""Rows of unequal length, step by step under one another, and where sequences begin in them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor

from elman.tree import Carry

BLOCK = 16
"""Steps whose temporaries are alive at once, so that they stay in the processor's cache."""


class Layout:
    """Where the rows of each step lie among those of all, and which of them begin a sequence there.

    Args:
        sizes: rows of each step, never more than of the step before; B at first.
        begins: (B, T) bool on the host, rows in the layout's order; step 0 is not looked at. None: none do.
        device: of the rows.

    `begins` says whether any does; `marks` has, for each step, (rows of the step, 1) bool on the device, or
    None where no row begins.
    """

    def __init__(
        self, sizes: Sequence[int], *, begins: Tensor | None = None, device: torch.device | None = None
    ) -> None:
        self.sizes = list(sizes)
        self.marks: list[Tensor | None] = [None] * len(self.sizes)
        if begins is not None:
            by_step = begins.t().unsqueeze(2).to(device)  # (T, B, 1)
            for step in begins[:, 1:].any(0).nonzero().flatten().tolist():
                self.marks[step + 1] = by_step[step + 1, : self.sizes[step + 1]]
        self.begins = any(mark is not None for mark in self.marks)
        self.offsets = [0, *accumulate(self.sizes)]
        self.row_count, self.even = self.sizes[0], self.sizes[0] == self.sizes[-1]

    @property
    def all_rows(self) -> int:
        return self.offsets[-1]

    @property
    def largest_block(self) -> int:
        """Rows of the first block, which no other exceeds."""
        return self.offsets[min(BLOCK, len(self.sizes))]

    def blocks(self) -> list[range]:
        """The steps of each block."""
        count = len(self.sizes)
        return [range(begin, min(begin + BLOCK, count)) for begin in range(0, count, BLOCK)]

    def split(self, rows: Tensor, block: range) -> Sequence[Tensor]:
        """Rows of a block, by step."""
        return rows.split(self.sizes[block.start : block.stop])

    def at(self, block: range, *, skip: int = 0) -> slice:
        """Where the rows of a block lie, `skip` rows before all others counted in."""
        return slice(skip + self.offsets[block.start], skip + self.offsets[block.stop])

    def before(self, state: Tensor, first: Tensor | None, block: range) -> Tensor:
        """What a block's steps begin with.

        Args:
            state: of every step, under the rows of the carry before step 0.
            first: (B, H), what rows begin with; None: none begins inside.
        """
        marked = first is not None and any(self.marks[step] is not None for step in block)
        if self.even and not marked:
            return state[self.at(block)]
        rows = []
        for step in block:
            start = self.row_count + self.offsets[step - 1] if step else 0
            here, mark = state[start : start + self.sizes[step]], self.marks[step]
            if mark is not None and first is not None:
                here = torch.where(mark, first[: len(here)], here)
            rows.append(here)
        return torch.cat(rows)

    def ends(self, state: Tensor) -> Tensor:
        """(B, H), each row's state after its last step."""
        if self.even:
            return state[-self.row_count :].clone()
        pieces, done = [], 0
        for step in reversed(range(len(self.sizes))):
            if self.sizes[step] > done:
                start = self.row_count + self.offsets[step]
                pieces.append(state[start + done : start + self.sizes[step]])
                done = self.sizes[step]
        return torch.cat(pieces)


def anew(mark: Tensor | None, first: Carry, carry: Carry) -> Carry:
    """`carry`, (n, H) each, with rows of `first` where `mark` says that they begin, (n, 1) bool or None."""
    if mark is None:
        return carry
    return tuple(torch.where(mark, new[: len(old)], old) for new, old in zip(first, carry, strict=True))
