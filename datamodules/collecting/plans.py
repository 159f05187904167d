"""Plans: which steps of which examples make which batch."""

from __future__ import annotations

import heapq
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Sequence
from itertools import repeat
from typing import ClassVar, NamedTuple

import numpy as np

POOL_BATCHES = 50
"""Batches whose examples are chosen together, by their lengths: more pad less and mix less."""


class Slot(NamedTuple):
    """Steps [start, stop) of example `number`, in a row of a batch."""

    number: int
    start: int
    stop: int


Row = tuple[Slot, ...]
"""What a row of a batch holds, one slot after another; empty: a row without steps."""
Rows = Sequence[Row]
"""Every row of a batch."""


class Plan(ABC):
    """Which steps of which examples make batch 0, 1, 2, ...; epoch after epoch, without end.

    Batches follow on as long as a row goes on; where all rows end, so does the run of batches. A strategy's
    clock then begins at 0 with the next one, wherever the last one ended.
    """

    whole: ClassVar[bool]
    """Every slot of every batch holds a whole example."""

    def __init__(self) -> None:
        self._starts = [0]  # the number of each epoch's first batch, as far as known
        self._made: dict[int, list[Rows]] = {}
        self.batches = len(self._of_epoch(0))

    @abstractmethod
    def batches_of_epoch(self, number: int) -> list[Rows]:
        """All batches of one epoch, a function of its number alone."""

    def at(self, index: int) -> tuple[Rows, bool, bool]:
        """Batch `index`, whether it goes on from none before it, and whether none goes on from it."""
        number = bisect_right(self._starts, index) - 1
        while index - self._starts[number] >= len(self._of_epoch(number)):
            if number + 1 == len(self._starts):
                self._starts.append(self._starts[number] + len(self._of_epoch(number)))
            number += 1
        batches, place = self._of_epoch(number), index - self._starts[number]
        last = place + 1 == len(batches) or not _goes_on(batches[place + 1])
        return batches[place], not _goes_on(batches[place]), last

    def _of_epoch(self, number: int) -> list[Rows]:
        if number not in self._made:
            self._made = {number: self.batches_of_epoch(number)}
        return self._made[number]


class Bucketed(Plan):
    """Whole sequences; those of a batch are alike in length.

    An epoch shuffles all examples, sorts them by length within pools of 50 batches, cuts the pools into
    batches and shuffles these. With seed None, examples come in the order of their lengths.

    Args:
        lengths: (N,) steps of every example.
        rows: most examples of a batch.
        max_steps: most steps of a batch, rows times the longest; one example always fits.
        seed: of the shuffles; None: none.
    """

    whole = True

    def __init__(self, lengths: np.ndarray, *, rows: int, max_steps: int | None, seed: int | None) -> None:
        self.lengths, self.rows, self.max_steps, self.seed = lengths, rows, max_steps, seed
        super().__init__()

    def batches_of_epoch(self, number: int) -> list[Rows]:
        if self.seed is None:
            return self._cut(np.argsort(self.lengths, kind="stable"))
        draw = np.random.default_rng([self.seed, number])
        order, pool = draw.permutation(len(self.lengths)), POOL_BATCHES * self.rows
        batches: list[Rows] = []
        for start in range(0, len(order), pool):
            part = order[start : start + pool]
            batches += self._cut(part[np.argsort(self.lengths[part], kind="stable")])
        return [batches[i] for i in draw.permutation(len(batches))]

    def _cut(self, ordered: np.ndarray) -> list[Rows]:
        """Batches of consecutive examples, which ascend in length."""
        lengths = self.lengths[ordered].tolist()
        rows: list[Row] = list(zip(map(Slot, ordered.tolist(), repeat(0), lengths)))
        if self.max_steps is None:
            return [rows[start : start + self.rows] for start in range(0, len(rows), self.rows)]
        batches: list[Rows] = []
        filled: list[Row] = []
        for row, steps in zip(rows, lengths, strict=True):
            if len(filled) == self.rows or (filled and (len(filled) + 1) * steps > self.max_steps):
                batches.append(filled)
                filled = []
            filled.append(row)
        return [*batches, filled]


class Refilled(Plan):
    """Windows of `steps` steps; where a sequence has ended, the next one begins in its row.

    Row b of a batch continues row b of the batch before unless `is_first`. A row whose sequence ends inside a
    batch is padded to the batch's end; rows for which no sequence is left have no steps.

    Args:
        lengths: (N,) steps of every example.
        rows: rows of every batch.
        steps: most steps of a batch.
        seed: of the order, another one in each epoch; None: examples come in the order of their numbers.
    """

    whole = False

    def __init__(self, lengths: np.ndarray, *, rows: int, steps: int, seed: int | None) -> None:
        self.lengths, self.rows, self.steps, self.seed = lengths, rows, steps, seed
        super().__init__()

    def batches_of_epoch(self, number: int) -> list[Rows]:
        order = np.arange(len(self.lengths))
        if self.seed is not None:
            order = np.random.default_rng([self.seed, number]).permutation(order)
        free = [(0, row) for row in range(self.rows)]  # (batch, row): where the next sequence may begin
        batches: list[list[Row]] = []
        for example in order.tolist():
            batch, row = heapq.heappop(free)
            length = int(self.lengths[example])
            for start in range(0, length, self.steps):
                if batch == len(batches):
                    batches.append([()] * self.rows)
                batches[batch][row] = (Slot(example, start, min(start + self.steps, length)),)
                batch += 1
            heapq.heappush(free, (batch, row))
        return list(batches)


def longest(rows: Rows) -> int:
    """Steps of the longest row."""
    return max(map(steps_of, rows), default=0)


def steps_of(row: Row) -> int:
    """Steps of a row."""
    return sum(slot.stop - slot.start for slot in row)


def _goes_on(rows: Rows) -> bool:
    """Whether a row of these goes on from the batch before."""
    return any(slot.start > 0 for row in rows for slot in row[:1])
