"""Batching: which examples share a batch, so that little of it is padding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from datamodules.collecting.examples import Example, Examples, collate, whole_batches
from datamodules.collecting.packed import Packed, in_rows
from datamodules.collecting.plans import Bucketed, Plan, Refilled, Row, Rows, longest
from datamodules.sequence_data import check_counts
from elman.batch import SequenceBatch, at_first_step
from elman.errors import BadInput


@dataclass(frozen=True, kw_only=True)
class Batching:
    """How sequences of unequal lengths become batches.

    Without `steps`, a batch holds whole sequences of like length. With it, a batch holds `steps` steps of
    every row; sequences run on from batch to batch, and where one has ended the next begins in its row
    while the others go on, so a long sequence never has to fit into a batch.

    Packed, a row holds whole sequences, one after another, each of which begins anew inside the row: for
    many short sequences. Losses and predictions are those of one sequence at a time. So are gradients of
    strategies whose windows do not follow the batch's clock (Full, Checkpointed); those of Truncated and
    Split lie as the batch has them, wherever a sequence begins. Data with a context cannot be packed.

    Args:
        batch_size: rows side by side, over all processes; unless packed, a sequence each.
        steps: steps of a batch; null: whole sequences. Packed: most steps of a row, at least those of the
            longest sequence of any part; null: as many as the longest of the part has.
        packed: rows hold whole sequences, one after another, without padding between them.
        max_steps: most steps of a batch of whole sequences, padding included: fewer rows where they are long.
        val_batch_size: rows in validation and test; null: as `batch_size`.
        workers: processes that read ahead; 0 reads in the training process.
        seed: another seed shuffles otherwise.

    Raises:
        ValueError: for a value out of range.
    """

    batch_size: int = 32
    steps: int | None = None
    packed: bool = False
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
        if self.packed and self.max_steps is not None:
            raise ValueError(
                f"packed rows have `steps` steps each: nothing is left for max_steps={self.max_steps} "
                "to bound; leave it out, and set steps and batch_size"
            )
        if self.steps is not None and self.max_steps is not None:
            raise ValueError("steps cuts sequences into batches, max_steps keeps them whole; leave one out")

    def plan(self, lengths: np.ndarray, *, train: bool) -> Plan:
        """The plan for examples of these lengths; only training shuffles."""
        rows = self.batch_size if train else self.val_batch_size or self.batch_size
        seed = self.seed if train else None
        if self.packed:
            return Packed(lengths, rows=rows, steps=self.steps or int(lengths.max()), seed=seed)
        if self.steps is not None:
            return Refilled(lengths, rows=rows, steps=self.steps, seed=seed)
        return Bucketed(lengths, rows=rows, max_steps=self.max_steps, seed=seed)

    def refuse_unpackable(self, *, longest: int, name: str, context_size: int | None) -> None:
        """Raise BadInput where rows are packed with what they cannot hold.

        Args:
            longest: steps of the longest sequence of any part.
            name: its name.
            context_size: of the data.
        """
        if self.packed and context_size is not None:
            raise BadInput(
                "data.batching.packed=true puts several sequences into a row, but a row has one context, "
                "which begins one sequence, and this data has contexts; set data.batching.packed=false"
            )
        if self.packed and self.steps is not None and longest > self.steps:
            raise BadInput(
                f"data.batching.steps={self.steps}: packed rows hold whole sequences, but {name} has "
                f"{longest} steps; set data.batching.steps={longest} or more, or null"
            )


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
        rows, first, last = self.plan.at(index)
        own, steps = self._own(rows), longest(rows)
        if max(map(len, own)) > 1:
            return in_rows(self.examples, self._numbers(own), steps=steps)
        if self.plan.whole and all(own):
            numbers = np.array([row[0].number for row in own])
            return lengthened(self._whole(self.chosen[numbers]), steps)
        read = [self._read(row) if row else None for row in own]
        if not any(own):  # a row of another process shows the kinds of all leaves
            slot = next(row[0] for row in rows if row)
            read[0] = self._read((slot._replace(stop=slot.start),))
        begins = torch.tensor([first or any(slot.start == 0 for slot in row) for row in own])
        made = lengthened(collate(read, is_last=last), steps)
        return made._replace(
            begins=at_first_step(begins, steps)
        )  # also of rows that had no step to say it at

    def numbers(self, index: int) -> list[list[int]]:
        """The examples in each row of batch `index`, in their order."""
        return self._numbers(self._own(self.plan.at(index)[0]))

    def _numbers(self, rows: Rows) -> list[list[int]]:
        return [[int(self.chosen[slot.number]) for slot in row] for row in rows]

    def _read(self, row: Row) -> Example:
        (slot,) = row
        return self.examples.window(int(self.chosen[slot.number]), slot.start, slot.stop)

    def _own(self, rows: Rows) -> Rows:
        return rows[self.rank :: self.world] or [()]


def lengthened(batch: SequenceBatch, steps: int) -> SequenceBatch:
    """`batch` padded to `steps` steps."""
    more = steps - batch.steps
    if more <= 0:
        return batch

    def pad(leaf: Tensor) -> Tensor:
        return torch.cat([leaf, leaf.new_zeros(len(leaf), more, *leaf.shape[2:])], 1)

    y = None if batch.y is None else pad(batch.y)
    return batch._replace(x=pad(batch.x), y=y, scored=pad(batch.scored), begins=pad(batch.begins))
