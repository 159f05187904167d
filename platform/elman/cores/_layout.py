"""Rows of unequal length, step by step under one another, and where sequences begin in them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property
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

    `begins` says whether any does; `marks` has, for each step, the rows that begin there, (n,) int on the
    device, or None where no row does.
    """

    def __init__(
        self, sizes: Sequence[int], *, begins: Tensor | None = None, device: torch.device | None = None
    ) -> None:
        self.sizes = list(sizes)
        self.offsets = [0, *accumulate(self.sizes)]
        self.row_count, self.even = self.sizes[0], self.sizes[0] == self.sizes[-1]
        self.marks: list[Tensor | None] = [None] * len(self.sizes)
        self._marked, self._device = begins, device
        self.begins = begins is not None and bool(begins[:, 1:].any())
        if begins is None or not self.begins:
            return
        step, row = begins[:, 1:].t().nonzero().unbind(1)  # step after step
        counts = [0, *torch.bincount(step, minlength=len(self.sizes) - 1).tolist()]
        self._places = (torch.tensor(self.offsets)[step + 1] + row).to(device)  # among the rows of all steps
        self._rows, self._before = row.to(device), [0, *accumulate(counts)]
        pieces = self._rows.split(counts)
        self.marks = [piece if count else None for piece, count in zip(pieces, counts, strict=True)]

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

    def pieces(self, rows: int) -> list[Layout]:
        """Layouts of some steps after one another, of each as many as have so many rows in all, or of one."""
        if self.all_rows <= rows:
            return [self]
        found, start = [], 0
        while start < len(self.sizes):
            stop = max(start + 1, bisect_right(self.offsets, self.offsets[start] + rows) - 1)
            sizes = self.sizes[start:stop]
            marks = self._marked[: sizes[0], start:stop] if self._marked is not None else None
            found.append(Layout(sizes, begins=marks, device=self._device))
            start = stop
        return found

    def start_before(self, block: range) -> int:
        """Where the rows lie that a block follows, those of the carry before step 0 counted in."""
        return self.row_count + self.offsets[block.start - 1] if block.start else 0

    @cached_property
    def flat_marks(self) -> Tensor:
        """(N,) bool, of the rows of all steps those that begin there; some do."""
        return torch.zeros(self.all_rows, dtype=torch.bool).index_fill_(0, self._places, True)

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
        if self.even:
            rows = state[self.at(block)]
        else:
            places = [(self.row_count + self.offsets[step - 1] if step else 0, step) for step in block]
            rows = torch.cat([state[start : start + self.sizes[step]] for start, step in places])
        if first is None:
            return rows
        begin = slice(self._before[block.start], self._before[block.stop])
        if begin.start == begin.stop:
            return rows
        places_here = self._places[begin] - self.offsets[block.start]
        return rows.index_copy(0, places_here, first.index_select(0, self._rows[begin]))

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
    """`carry`, (n, H) each, with those rows of `first` that begin: `mark` of a layout."""
    if mark is None:
        return carry
    return tuple(
        old.index_copy(0, mark, new.index_select(0, mark)) for new, old in zip(first, carry, strict=True)
    )
