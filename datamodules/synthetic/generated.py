"""Generated: sequences drawn anew for every batch."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from typing import Any

import numpy as np
import torch

from datamodules.batches import Batches
from datamodules.sequence_data import Part, SequenceData, check_counts, own_rows
from elman.batch import SequenceBatch

PARTS: tuple[Part, ...] = ("train", "val", "test")


class Generated(SequenceData):
    """Batch i of a part is drawn from (seed, part, i) alone, all rows of it, on every process alike.

    Training never sees a sequence again; validation and test are the same few batches each time.

    Args:
        steps: steps of a batch.
        rows: rows of a batch, over all processes.
        batches_per_sequence: batches that one sequence runs over; they make one pass.
        val_batches: batches of validation, and of test; a multiple of `batches_per_sequence`.
        seed: another seed draws other sequences.
    """

    def __init__(
        self, *, steps: int, rows: int, batches_per_sequence: int, val_batches: int, seed: int
    ) -> None:
        super().__init__()
        check_counts(
            1, steps=steps, rows=rows, batches_per_sequence=batches_per_sequence, val_batches=val_batches
        )
        check_counts(0, seed=seed)
        if val_batches % batches_per_sequence:
            raise ValueError(
                "val_batches must be a multiple of batches_per_sequence, so that sequences are whole, "
                f"got {val_batches} and {batches_per_sequence}"
            )
        self.steps = steps
        self.rows = rows
        self.batches_per_sequence = batches_per_sequence
        self.val_batches = val_batches
        self.seed = seed
        self.steps_per_pass = rows * steps * batches_per_sequence

    @abstractmethod
    def batch(self, part: Part, index: int) -> SequenceBatch:
        """Batch `index` of a part, with the rows of all processes."""

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """What defines the task, and the loss of a network that remembers nothing."""

    def setup(self, stage: str | None = None) -> None:
        """Nothing to do: all is known from the arguments."""

    def loader(self, part: Part) -> Batches:
        rows = list(own_rows(self.rows, self.process(), argument="data.rows"))

        def own(index: int) -> SequenceBatch:
            batch = self.batch(part, index)
            return batch if len(rows) == self.rows else take_rows(batch, rows)

        return Batches(own, length=None if part == "train" else self.val_batches)

    def description(self) -> dict[str, Any]:
        facts = {"steps": self.steps, "rows": self.rows, "seed": self.seed, **self.facts()}
        name = type(self).__name__.lower()
        digest = hashlib.sha256(repr((name, self.batches_per_sequence, self.val_batches, facts)).encode())
        return {"name": name, "source": "generated", "digest": digest.hexdigest()[:32], "facts": facts}

    def draw(self, part: Part, index: int) -> torch.Generator:
        """The random numbers of one batch."""
        mixed = np.random.SeedSequence([self.seed, PARTS.index(part), index]).generate_state(1, np.uint64)
        return torch.Generator().manual_seed(int(mixed[0]) >> 1)


def take_rows(batch: SequenceBatch, rows: list[int]) -> SequenceBatch:
    """Some rows of a batch without `context`."""
    assert batch.context is None
    return batch._replace(
        x=batch.x[rows],
        y=None if batch.y is None else batch.y[rows],
        scored=batch.scored[rows],
        lengths=batch.lengths[rows],
        is_first=batch.is_first[rows],
    )
