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
        batch_size: rows of a batch, over all processes.
        batches_per_sequence: batches that one sequence runs over; they make one epoch.
        val_batches: batches of validation, and of test; a multiple of `batches_per_sequence`.
        seed: another seed draws other sequences.
    """

    def __init__(
        self,
        *,
        steps: int = 100,
        batch_size: int = 32,
        batches_per_sequence: int = 1,
        val_batches: int = 8,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_counts(
            1,
            steps=steps,
            batch_size=batch_size,
            batches_per_sequence=batches_per_sequence,
            val_batches=val_batches,
        )
        check_counts(0, seed=seed)
        if val_batches % batches_per_sequence:
            raise ValueError(
                "val_batches must be a multiple of batches_per_sequence, so that sequences are whole, "
                f"got {val_batches} and {batches_per_sequence}"
            )
        self.steps = steps
        self.batch_size = batch_size
        self.batches_per_sequence = batches_per_sequence
        self.val_batches = val_batches
        self.seed = seed
        self.steps_per_epoch = batch_size * steps * batches_per_sequence

    @abstractmethod
    def batch(self, part: Part, index: int) -> SequenceBatch:
        """Batch `index` of a part, with the rows of all processes."""

    @abstractmethod
    def metadata(self) -> dict[str, Any]:
        """What defines the task, and the loss of a network that remembers nothing."""

    def setup(self, stage: str | None = None) -> None:
        """Nothing to do: all is known from the arguments."""

    def loader(self, part: Part) -> Batches:
        rows = list(own_rows(self.batch_size, self.process(), argument="data.batch_size"))

        def own(index: int) -> SequenceBatch:
            batch = self.batch(part, index)
            return batch if len(rows) == self.batch_size else take_rows(batch, rows)

        return Batches(own, length=None if part == "train" else self.val_batches)

    def description(self) -> dict[str, Any]:
        metadata = {"steps": self.steps, "batch_size": self.batch_size, "seed": self.seed, **self.metadata()}
        name = type(self).__name__.lower()
        digest = hashlib.sha256(repr((name, self.batches_per_sequence, self.val_batches, metadata)).encode())
        return {"name": name, "source": "generated", "digest": digest.hexdigest()[:32], "metadata": metadata}

    def draw(self, part: Part, index: int) -> torch.Generator:
        """The random numbers of one batch."""
        return drawn_from(self.seed, part, index)


def drawn_from(seed: int, part: Part, index: int) -> torch.Generator:
    """The random numbers of one batch of a part."""
    mixed = np.random.SeedSequence([seed, PARTS.index(part), index]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(mixed[0]) >> 1)


def take_rows(batch: SequenceBatch, rows: list[int]) -> SequenceBatch:
    """Some rows of a batch without `context`."""
    assert batch.context is None
    return batch._replace(
        x=batch.x[rows],
        y=None if batch.y is None else batch.y[rows],
        scored=batch.scored[rows],
        lengths=batch.lengths[rows],
        begins=batch.begins[rows],
    )
