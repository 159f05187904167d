"""CopyMemory: ten tokens, a long blank, then the same ten again."""

from __future__ import annotations

import math
from typing import Any, Literal

import torch

from datamodules.sequence_data import Part, check_counts
from datamodules.synthetic.generated import Generated
from elman.batch import SequenceBatch, whole

COPIED = 10
BLANK, MARKER = 0, 9


class CopyMemory(Generated):
    """Hold ten tokens over `blanks` steps.

    A sequence has blanks + 20 steps. x: ten ids from 1 to 8, blanks - 1 times 0, eleven times 9.
    y: 0 until the last ten steps, then the ten ids; each is due blanks + 10 steps after it was read.

    Answering 0 and then guessing among the eight costs 10 ln 8 / (blanks + 20) nats a step over all steps,
    ln 8 over the last ten.

    Args:
        blanks: the T of the literature, in steps.
        batch_size: sequences of a batch, over all processes.
        score: 'all' steps, as published, or 'recall', the last ten only.
        val_batches: batches of validation, and of test.
        seed: another seed draws other tokens.

    Source: Hochreiter & Schmidhuber (1997), in the form of Bai, Kolter & Koltun (2018), arXiv 1803.01271.
    Differs: inputs are token ids, where that paper feeds the number itself.
    """

    input_size = 10
    output_size = 10
    token_ids = True

    def __init__(
        self,
        *,
        blanks: int = 100,
        batch_size: int = 32,
        score: Literal["all", "recall"] = "all",
        val_batches: int = 8,
        seed: int = 0,
    ) -> None:
        check_counts(1, blanks=blanks)
        if score not in ("all", "recall"):
            raise ValueError(f"score must be 'all' or 'recall', got {score!r}")
        super().__init__(
            steps=blanks + 2 * COPIED,
            batch_size=batch_size,
            val_batches=val_batches,
            seed=seed,
        )
        self.blanks = blanks
        self.score = score

    def batch(self, part: Part, index: int) -> SequenceBatch:
        copied = torch.randint(1, 9, (self.batch_size, COPIED), generator=self.draw(part, index))
        x = torch.full((self.batch_size, self.steps), BLANK)
        x[:, :COPIED] = copied
        x[:, -COPIED - 1 :] = MARKER
        y = torch.full((self.batch_size, self.steps), BLANK)
        y[:, -COPIED:] = copied
        scored = torch.ones(self.batch_size, self.steps, dtype=torch.bool)
        if self.score == "recall":
            scored[:, :-COPIED] = False
        return whole(x, y, scored=scored)

    def metadata(self) -> dict[str, Any]:
        guess = math.log(8)
        return {
            "blanks": self.blanks,
            "score": self.score,
            "baseline_nats": COPIED * guess / self.steps if self.score == "all" else guess,
        }
