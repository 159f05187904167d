"""CopyCurriculum: bits to be copied, more of them as soon as training copies what it is given."""

from __future__ import annotations

import math
from typing import Any

import torch

from datamodules.batches import Batches
from datamodules.sequence_data import Part, check_counts
from datamodules.synthetic.generated import Generated
from elman.batch import SequenceBatch, whole

DUE = 2  # the symbol at which a bit is due
BEHIND = 5


class CopyCurriculum(Generated):
    """n bits, then n times the symbol 2, at which they are due in the same order, and which alone is scored.

        x: 0 1 1 2 2 2
        y: . . . 0 1 1

    In training n is the same in all rows of a batch and drawn anew for each, from max(1, L - 5) to L. L
    begins with 1 and grows by 1 after every batch whose bits cost less than `mastered` on average.
    `train/length` is L, which checkpoints hold. In validation and test n is drawn from 1 to `val_length`.

    Args:
        mastered: bits a bit below which L grows.
        val_length: bits of the longest sequence of validation and test.
        batch_size: sequences of a batch, over all processes.
        val_batches: batches of validation, and of test.
        seed: another seed draws other bits.

    Raises:
        ValueError: if `mastered` is not positive.

    Source: Menick et al. (2021), arXiv 2006.07232, section 5.2.
    Differs: all rows of a batch have one n.
    """

    input_size = 3
    output_size = 2
    token_ids = True

    def __init__(
        self,
        *,
        mastered: float = 0.15,
        val_length: int = 10,
        batch_size: int = 16,
        val_batches: int = 10,
        seed: int = 0,
    ) -> None:
        check_counts(1, val_length=val_length)
        super().__init__(steps=2 * val_length, batch_size=batch_size, val_batches=val_batches, seed=seed)
        if not 0 < mastered < math.inf:
            raise ValueError(f"mastered counts bits and must be positive, got mastered={mastered}")
        self.mastered, self.val_length = mastered, val_length
        self.length = 1

    def batch(self, part: Part, index: int) -> SequenceBatch:
        draw = self.draw(part, index)
        longest = self.length if part == "train" else self.val_length
        shortest = max(1, longest - BEHIND) if part == "train" else 1
        count = int(torch.randint(shortest, longest + 1, (), generator=draw))
        bits = torch.randint(0, 2, (self.batch_size, count), generator=draw)
        x = torch.cat([bits, torch.full_like(bits, DUE)], 1)
        scored = torch.zeros(x.shape, dtype=torch.bool)
        scored[:, count:] = True
        return whole(x, torch.cat([torch.zeros_like(bits), bits], 1), scored=scored)

    def loader(self, part: Part) -> Batches:
        batches = super().loader(part)
        if part == "train":
            batches.steps_per_batch = self.batch_size * self.steps
            batches.follow, batches.metrics = self.follow, lambda: {"length": float(self.length)}
        return batches

    def follow(self, nats: float) -> None:
        """Take note of the mean loss of the training batch that was handed out last."""
        self.length += nats < self.mastered * math.log(2)

    def state_dict(self) -> dict[str, Any]:
        return {"length": self.length}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.length = int(state_dict.get("length", 1))

    def metadata(self) -> dict[str, Any]:
        return {"mastered": self.mastered, "val_length": self.val_length, "baseline_nats": math.log(2)}
