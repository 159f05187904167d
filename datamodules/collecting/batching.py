"""Batching: which examples share a batch, so that little of it is padding."""

from __future__ import annotations

import heapq
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from datamodules.collecting.examples import Example, Examples, collate, whole_batches
from datamodules.sequence_data import check_counts
from elman.batch import SequenceBatch

POOL_BATCHES = 50
"""Batches whose examples are sorted by length together: more pad less and mix less."""


@dataclass(frozen=True, kw_only=True)
class Batching:
    """How sequences of unequal lengths become batches.

    Without `steps`, a batch holds whole sequences of like length. With it, a batch holds `steps` steps of
    every row; sequences run on from batch to batch, and where one has ended the next begins in its row
    while the others go on, so a long sequence never has to fit into a batch.

    Args:
        batch_size: sequences side by side, over all processes.
        steps: steps of a batch; null: whole sequences.
        max_steps: most steps of a batch of whole sequences, padding included: fewer rows where they are long.
        val_batch_size: rows in validation and test; null: as `batch_size`.
        workers: processes that read ahead; 0 reads in the training process.
        seed: another seed shuffles otherwise.

    Raises:
        ValueError: for a value out of range.
    """

    batch_size: int = 32
    steps: int | None = None
    max_steps: int | None = None
    val_batch_size: int | None = None
    workers: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        check_counts(1, batch_size=self.batch_size)
        check_counts(0, workers=self.workers, seed=self.seed)
        for name in ("steps", "max_steps", "val_batch_size"):
            if getattr(self, name) is not None:
                check_counts(1, **{name: getattr(self, name)})
        if self.steps is not None and self.max_steps is not None:
            raise ValueError("steps cuts sequences into batches, max_steps keeps them whole; leave one out")

    def plan(self, lengths: np.ndarray, *, train: bool) -> Plan:
        """The plan for examples of these lengths; only training shuffles."""
        rows = self.batch_size if train else self.val_batch_size or self.batch_size
        seed = self.seed if train else None
        if self.steps is not None:
            return Refilled(lengths, rows=rows, steps=self.steps, seed=seed)
        return Bucketed(lengths, rows=rows, max_steps=self.max_steps, seed=seed)


class Slot(NamedTuple):
    """What one row of a batch holds: steps [start, stop) of example `number`."""

    number: int
    start: int
    stop: int


Slots = Sequence[Slot | None]
"""Every row of a batch; None: a row without steps."""


class Plan(ABC):
    """Which steps of which examples make batch 0, 1, 2, ...; epoch after epoch, without end.

    Batches follow on as long as a row goes on; where all rows end, so does the run of batches. A strategy's
    clock then begins at 0 with the next one, wherever the last one ended.
    """

    whole: ClassVar[bool]
    """Every row of every batch holds a whole example."""

    def __init__(self) -> None:
        self._starts = [0]  # the number of each epoch's first batch, as far as known
        self._made: dict[int, list[Slots]] = {}
        self.batches = len(self._of_epoch(0))

    @abstractmethod
    def batches_of_epoch(self, number: int) -> list[Slots]:
        """All batches of one epoch, a function of its number alone."""

    def at(self, index: int) -> tuple[Slots, bool, bool]:
        """Batch `index`, whether it goes on from none before it, and whether none goes on from it."""
        number = bisect_right(self._starts, index) - 1
        while index - self._starts[number] >= len(self._of_epoch(number)):
            if number + 1 == len(self._starts):
                self._starts.append(self._starts[number] + len(self._of_epoch(number)))
            number += 1
        batches, place = self._of_epoch(number), index - self._starts[number]
        last = place + 1 == len(batches) or not _goes_on(batches[place + 1])
        return batches[place], not _goes_on(batches[place]), last

    def _of_epoch(self, number: int) -> list[Slots]:
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

    def batches_of_epoch(self, number: int) -> list[Slots]:
        if self.seed is None:
            return self._cut(np.argsort(self.lengths, kind="stable"))
        draw = np.random.default_rng([self.seed, number])
        order, pool = draw.permutation(len(self.lengths)), POOL_BATCHES * self.rows
        batches: list[Slots] = []
        for start in range(0, len(order), pool):
            part = order[start : start + pool]
            batches += self._cut(part[np.argsort(self.lengths[part], kind="stable")])
        return [batches[i] for i in draw.permutation(len(batches))]

    def _cut(self, ordered: np.ndarray) -> list[Slots]:
        """Batches of consecutive examples, which ascend in length."""
        slots = list(map(Slot, ordered.tolist(), repeat(0), self.lengths[ordered].tolist()))
        if self.max_steps is None:
            return [slots[start : start + self.rows] for start in range(0, len(slots), self.rows)]
        batches: list[Slots] = []
        filled: list[Slot] = []
        for slot in slots:
            if len(filled) == self.rows or (filled and (len(filled) + 1) * slot.stop > self.max_steps):
                batches.append(filled)
                filled = []
            filled.append(slot)
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

    def batches_of_epoch(self, number: int) -> list[Slots]:
        order = np.arange(len(self.lengths))
        if self.seed is not None:
            order = np.random.default_rng([self.seed, number]).permutation(order)
        free = [(0, row) for row in range(self.rows)]  # (batch, row): where the next sequence may begin
        batches: list[list[Slot | None]] = []
        for example in order.tolist():
            batch, row = heapq.heappop(free)
            length = int(self.lengths[example])
            for start in range(0, length, self.steps):
                if batch == len(batches):
                    batches.append([None] * self.rows)
                batches[batch][row] = Slot(example, start, min(start + self.steps, length))
                batch += 1
            heapq.heappush(free, (batch, row))
        return list(batches)


class Planned:
    """The batches of a plan, as a function of their index.

    Args:
        examples: where sequences are read.
        plan: which of them share a batch.
        chosen: (n,) numbers of the examples that the plan counts from 0; None: all.
        process: (rank, number of processes); this process holds rows rank, rank + number, ... of each batch.
    """

    def __init__(
        self,
        examples: Examples,
        plan: Plan,
        *,
        chosen: np.ndarray | None = None,
        process: tuple[int, int] = (0, 1),
    ) -> None:
        self.examples, self.plan = examples, plan
        self.chosen = np.arange(len(examples.lengths)) if chosen is None else chosen
        self.rank, self.world = process
        self._whole = whole_batches(examples)

    def __call__(self, index: int) -> SequenceBatch:
        """Batch `index` with this process's rows: at least one, which may have no steps.

        It is as long as the longest row of all processes, so that their windows lie alike.
        """
        slots, first, last = self.plan.at(index)
        own = self._own(slots)
        if self.plan.whole and all(own):
            numbers = np.array([slot.number for slot in own if slot is not None])
            return lengthened(self._whole(self.chosen[numbers]), longest(slots))
        rows = [None if slot is None else self._read(slot) for slot in own]
        if not any(rows):  # a row of another process shows the kinds of all leaves
            slot = next(slot for slot in slots if slot is not None)
            rows[0] = self._read(slot._replace(stop=slot.start))
        begins = torch.tensor([first or (slot is not None and slot.start == 0) for slot in own])
        return lengthened(collate(rows, is_first=begins, is_last=last), longest(slots))

    def numbers(self, index: int) -> list[list[int]]:
        """The examples in each row of batch `index`."""
        own = self._own(self.plan.at(index)[0])
        return [[] if slot is None else [int(self.chosen[slot.number])] for slot in own]

    def _read(self, slot: Slot) -> Example:
        return self.examples.window(int(self.chosen[slot.number]), slot.start, slot.stop)

    def _own(self, slots: Slots) -> Slots:
        return slots[self.rank :: self.world] or [None]


def longest(slots: Slots) -> int:
    """Steps of the longest row."""
    return max((slot.stop - slot.start for slot in slots if slot is not None), default=0)


def lengthened(batch: SequenceBatch, steps: int) -> SequenceBatch:
    """`batch` padded to `steps` steps."""
    more = steps - batch.steps
    if more <= 0:
        return batch

    def pad(leaf: Tensor) -> Tensor:
        return torch.cat([leaf, leaf.new_zeros(len(leaf), more, *leaf.shape[2:])], 1)

    y = None if batch.y is None else pad(batch.y)
    return batch._replace(x=pad(batch.x), y=y, scored=pad(batch.scored), begins=pad(batch.begins))


def _goes_on(slots: Slots) -> bool:
    """Whether a row of these goes on from the batch before."""
    return any(slot is not None and slot.start > 0 for slot in slots)
