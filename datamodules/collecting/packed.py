"""Packed: whole sequences in a row, one after another, and the batch that they make."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from datamodules.collecting.examples import Examples, ManyAtOnce
from datamodules.collecting.plans import POOL_BATCHES, Plan, Row, Rows, Slot, steps_of
from elman.batch import SequenceBatch

MOST_PADDED = 8
"""At most so many times a batch's steps are held while they are read; reading in groups takes longer."""


class Packed(Plan):
    """Rows of whole sequences, one after another; every batch begins and ends by itself.

    An epoch shuffles all examples and fills rows from pools of 50 batches or more: the longest sequence left
    goes to the fullest row that has space for it (best fit, decreasing). Rows of like totals share a batch,
    so that the few that are not full pad little; the order in a row, that of rows and that of batches are
    shuffled. With seed None, nothing is.

    Args:
        lengths: (N,) steps of every example.
        rows: rows of a batch; the last one may have fewer.
        steps: most steps of a row, at least those of the longest example.
        seed: of the shuffles; None: none.

    Cost: a search and an insertion in a list of a pool's open rows for every example, an epoch.

    Source: Johnson et al. (1974), SIAM Journal on Computing 3(4): at most 11/9 of the fewest rows, and 4.
    """

    whole = True

    def __init__(self, lengths: np.ndarray, *, rows: int, steps: int, seed: int | None) -> None:
        self.lengths, self.rows, self.steps, self.seed = lengths, rows, steps, seed
        super().__init__()

    def batches_of_epoch(self, number: int) -> list[Rows]:
        draw = None if self.seed is None else np.random.default_rng([self.seed, number])
        order = np.arange(len(self.lengths)) if draw is None else draw.permutation(len(self.lengths))
        lengths = self.lengths[order]
        pools = max(1, int(lengths.sum()) // (POOL_BATCHES * self.rows * self.steps))
        ends = np.cumsum(lengths)
        borders = np.searchsorted(ends, ends[-1] * np.arange(1, pools) / pools)
        rows: list[Row] = []
        for part, own in zip(np.split(order, borders), np.split(lengths, borders), strict=True):
            examples, steps = part.tolist(), own.tolist()
            rows += [
                tuple(Slot(examples[place], 0, steps[place]) for place in sorted(places))
                for places in best_fit(own, self.steps)
            ]
        if draw is not None:
            rows = [rows[place] for place in draw.permutation(len(rows))]
        rows.sort(key=steps_of, reverse=True)
        batches: list[Rows] = [rows[start : start + self.rows] for start in range(0, len(rows), self.rows)]
        return batches if draw is None else [batches[place] for place in draw.permutation(len(batches))]


def best_fit(lengths: np.ndarray, capacity: int) -> list[list[int]]:
    """Numbers 0 to N - 1 in groups whose lengths sum to at most `capacity`.

    Args:
        lengths: (N,), none above `capacity`.
    """
    groups: list[list[int]] = []
    space: list[tuple[int, int]] = []  # (steps left, group), ascending
    for number in np.argsort(-lengths, kind="stable").tolist():
        length = int(lengths[number])
        found = bisect_left(space, (length, 0))
        if found == len(space):
            left, group = capacity, len(groups)
            groups.append([])
        else:
            left, group = space.pop(found)
        groups[group].append(number)
        if left > length:
            insort(space, (left - length, group))
    return groups


def in_rows(examples: Examples, rows: Sequence[Sequence[int]], *, steps: int) -> SequenceBatch:
    """Whole examples, without a context, in rows: one after another from step 0 on, and zeros after the last.

    Args:
        rows: numbers of each row's examples, in order; at least one row has some.
        steps: of the batch, at least those of every row.
    """
    numbers = np.array([number for row in rows for number in row])
    lengths = examples.lengths[numbers]
    row_of = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    totals = np.zeros(len(rows), dtype=np.int64)
    np.add.at(totals, row_of, lengths)
    within = np.cumsum(lengths) - lengths - (np.cumsum(totals) - totals)[row_of]  # each one's first step
    first = torch.from_numpy(row_of * steps + within)  # (N,) places among the B T of the batch
    read = list(_read(examples, numbers))
    place = torch.cat([_places(first[part.which], part.lengths) for part in read])  # (S,)

    def laid_out(leaves: Sequence[Tensor]) -> Tensor:
        flat = torch.cat(list(leaves))  # (S, ...)
        out = flat.new_zeros(len(rows) * steps, *flat.shape[1:])
        out[place] = flat
        return out.unflatten(0, (len(rows), steps))

    begins = torch.zeros(len(rows) * steps, dtype=torch.bool)
    begins[first] = True
    begins[::steps] = True  # rows without steps begin, too
    return SequenceBatch(
        x=laid_out([part.x for part in read]),
        y=None if read[0].y is None else laid_out([part.y for part in read if part.y is not None]),
        scored=laid_out([part.scored for part in read]),
        lengths=torch.from_numpy(totals),
        begins=begins.unflatten(0, (len(rows), steps)),
        scale=None
        if read[0].scale is None
        else laid_out([part.scale for part in read if part.scale is not None]),
    )


class _Steps(NamedTuple):
    """Sequences on end, without padding.

    Args:
        which: (n,) places of the sequences among those that were asked for.
        lengths: (n,).
        x, y, scored, scale: (S, ...), one sequence's steps after another's.
    """

    which: Tensor
    lengths: Tensor
    x: Tensor
    y: Tensor | None
    scored: Tensor
    scale: Tensor | None


def _read(examples: Examples, numbers: np.ndarray) -> Iterator[_Steps]:
    """Whole examples; where those that come padded would be mostly padding, in groups of like length."""
    lengths = examples.lengths[numbers]
    if not isinstance(examples, ManyAtOnce):
        windows = [examples.window(n, 0, t) for n, t in zip(numbers.tolist(), lengths.tolist(), strict=True)]
        yield _Steps(
            which=torch.arange(len(numbers)),
            lengths=torch.from_numpy(lengths),
            x=torch.cat([window.x for window in windows]),
            y=_cat([window.y for window in windows]),
            scored=torch.cat([window.scored for window in windows]),
            scale=_cat([w.scale if w.scale is None else w.scale.expand(w.steps, -1) for w in windows]),
        )
        return
    sizes = np.zeros_like(lengths)
    if len(lengths) * lengths.max() > MOST_PADDED * lengths.sum():
        sizes = np.frexp(lengths)[1]  # 1, 2 to 3, 4 to 7, ... steps
    for size in np.unique(sizes).tolist():
        which = np.flatnonzero(sizes == size)
        batch = examples.batch(numbers[which])
        exist = torch.arange(batch.steps) < batch.lengths[:, None]  # (n, T)
        yield _Steps(
            which=torch.from_numpy(which),
            lengths=batch.lengths,
            x=batch.x[exist],
            y=None if batch.y is None else batch.y[exist],
            scored=batch.scored[exist],
            scale=None if batch.scale is None else batch.scale.repeat_interleave(batch.lengths, 0),
        )


def _cat(leaves: Sequence[Tensor | None]) -> Tensor | None:
    found = [leaf for leaf in leaves if leaf is not None]
    return torch.cat(found) if found else None


def _places(first: Tensor, lengths: Tensor) -> Tensor:
    """(S,) first, first + 1, ... for so many steps of each sequence, one after another."""
    before = lengths.cumsum(0) - lengths
    return torch.arange(int(lengths.sum())) + (first - before).repeat_interleave(lengths)
