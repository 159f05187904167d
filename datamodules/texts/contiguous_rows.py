"""Contiguous rows: one long stream of ids, read at many places at once."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch

from elman.batch import SequenceBatch, at_first_step


class IdStream(Protocol):
    """A long row of ids of which slices can be read; a numpy array is one."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> np.ndarray: ...


class PairStream(Protocol):
    """A long row of places, some of which hold an id that another follows."""

    def __len__(self) -> int: ...

    def pairs(self, start: int, stop: int, /) -> tuple[np.ndarray, np.ndarray]:
        """The ids at places [start, stop), and the id that follows each."""


class ContiguousRows:
    """N ids, cut into `batch_size` contiguous rows that are read side by side, `steps` steps a batch.

    A step is the pair (id t, id t + 1). With n = ceil((N - 1) / batch_size), row b holds the pairs
    [b n, min((b + 1) n, N - 1)): every pair is in one row, once. Row b of batch i + 1 continues row
    b of batch i, so a carry may cross batches. The last batch of an epoch is as long as what is left;
    rows that end earlier are padded with zeros beyond `lengths` and not scored there.

    Batch i belongs to epoch i // `batches`, and every epoch is the same.

    Args:
        ids: the stream, at least two ids. Of a `PairStream`, places take the part of ids: a row is then as
            long as the places it covers hold ids.
        batch_size: rows of the global batch.
        steps: steps of a batch.
        rows: those that this process holds, all by default; with none, one row that has no steps.
    """

    def __init__(
        self, ids: IdStream | PairStream, *, batch_size: int, steps: int, rows: range | None = None
    ) -> None:
        pairs = len(ids) - 1
        self.ids = ids
        self.steps = steps
        self.row_steps = -(-pairs // batch_size)
        self.batches = -(-self.row_steps // steps)
        starts = [min(row * self.row_steps, pairs) for row in (range(batch_size) if rows is None else rows)]
        self.spans = [(start, min(start + self.row_steps, pairs)) for start in starts] or [(0, 0)]

    def batch(self, index: int) -> SequenceBatch:
        """Batch `index` of the endless stream of epochs."""
        place = index % self.batches
        at = place * self.steps
        width = min(self.steps, self.row_steps - at)
        x = np.zeros((len(self.spans), width), dtype=np.int64)
        y = np.zeros_like(x)
        lengths = torch.zeros(len(self.spans), dtype=torch.int64)
        for row, (start, stop) in enumerate(self.spans):
            first = start + at
            count = max(0, min(width, stop - first))
            if count:
                here, following = self._pairs(first, first + count)
                count = len(here)
                x[row, :count], y[row, :count], lengths[row] = here, following, count
        return SequenceBatch(
            x=torch.from_numpy(x),
            y=torch.from_numpy(y),
            scored=torch.arange(width) < lengths[:, None],
            lengths=lengths,
            begins=at_first_step(torch.full((len(self.spans),), place == 0), width),
            is_last=place == self.batches - 1,
        )

    def _pairs(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        if hasattr(self.ids, "pairs"):
            return self.ids.pairs(start, stop)
        piece = self.ids[start : stop + 1]
        return piece[:-1], piece[1:]
