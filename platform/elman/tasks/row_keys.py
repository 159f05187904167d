"""The keys from which noise of training's steps is drawn: functions of where a step lies in its row."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from elman.batch import SequenceBatch
from elman.cores.noise import hashed


class RowKeys:
    """Gives every step of a training batch its keys.

    A step has the place that it has in its row since training began, whatever batches the row is cut into;
    a key is a hash of this process's seed, the row and the place: of the step, of the batch's first step, and
    of the step at which its sequence began.

    Args:
        wanted: whether there is noise to draw.

    `place` counts the steps of rows so far; `sequences` is (B,), the keys of the sequences that go on.
    """

    def __init__(self, *, wanted: bool) -> None:
        self.wanted, self.place = wanted, 0
        self.sequences: Tensor | None = None
        self._seed: Tensor | None = None

    def of(self, batch: SequenceBatch) -> SequenceBatch:
        """`batch` with keys, where there is noise to draw."""
        if not self.wanted or not batch.steps:
            return batch
        if self._seed is None:
            self._seed = hashed(torch.tensor(torch.initial_seed() % 2**63), 1)
        rows, at = torch.arange(len(batch.x)), torch.arange(batch.steps)
        step = hashed(hashed(self._seed, rows)[:, None], self.place + at)
        began = torch.where(batch.begins, at, -1).cummax(1).values
        sequence = step.gather(1, began.clamp(min=0))
        if self.sequences is not None and len(self.sequences) == len(batch.x):
            sequence = torch.where(began < 0, self.sequences[:, None], sequence)
        self.place += batch.steps
        self.sequences = sequence[:, -1].clone()
        keys = torch.stack([step, step[:, :1].expand_as(step), sequence], 2)
        return batch._replace(keys=keys.to(batch.x.device))

    def state_dict(self) -> dict[str, Any]:
        """This process's part of a checkpoint."""
        return {"noise_place": self.place, "noise_sequences": self.sequences} if self.wanted else {}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Take back what `state_dict` gave; of a run that had no noise, nothing."""
        self.place, self.sequences = int(saved.get("noise_place", 0)), saved.get("noise_sequences")
