"""AnBn: a's and then as many b's, again and again."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from datamodules.sequence_data import Part, check_counts
from datamodules.synthetic.generated import Generated, drawn_from
from datamodules.texts.alphabet import Alphabet
from elman.batch import SequenceBatch, at_first_step

SYMBOLS = "\nab"
NEWLINE, A, B = 1, 2, 3  # in the alphabet, whose 0 is the unknown one
BREAKS = 2  # newlines of a block


class AnBn(Generated):
    """Next character of a stream of blocks, n being drawn anew for each from 1 to `longest`.

        aaa\\nbbb\\na\\nb\\naaaaa\\nbbbbb\\n ...

    Only n is random: a network that counts pays at least ln `longest` nats a block, which has `longest` + 3
    steps on average: the `entropy_nats` of the metadata. One that does not pays for the b's as for the a's.

    Args:
        longest: largest n.
        steps: steps of a batch.
        batch_size: streams side by side, over all processes.
        batches_per_sequence: batches that one stream runs over.
        val_batches: batches of validation, and of test; a multiple of `batches_per_sequence`.
        seed: another seed draws other numbers.

    Source: Tallec and Ollivier (2018), arXiv 1702.05043, and their code.
    """

    token_ids = True

    def __init__(
        self,
        *,
        longest: int = 32,
        steps: int = 1000,
        batch_size: int = 1,
        batches_per_sequence: int = 100,
        val_batches: int = 100,
        seed: int = 0,
    ) -> None:
        check_counts(1, longest=longest)
        super().__init__(
            steps=steps,
            batch_size=batch_size,
            batches_per_sequence=batches_per_sequence,
            val_batches=val_batches,
            seed=seed,
        )
        self.longest = longest
        self.alphabet = Alphabet(SYMBOLS)
        self.input_size = self.output_size = len(self.alphabet)

    def batch(self, part: Part, index: int) -> SequenceBatch:
        number, place = divmod(index, self.batches_per_sequence)
        steps = self.steps * self.batches_per_sequence + 1
        text = _streams(self.seed, part, number, shape=(self.batch_size, steps), longest=self.longest)
        start = place * self.steps
        return SequenceBatch(
            x=text[:, start : start + self.steps],
            y=text[:, start + 1 : start + 1 + self.steps],
            scored=torch.ones(self.batch_size, self.steps, dtype=torch.bool),
            lengths=torch.full((self.batch_size,), self.steps),
            begins=at_first_step(torch.full((self.batch_size,), place == 0), self.steps),
            is_last=place == self.batches_per_sequence - 1,
        )

    def metadata(self) -> dict[str, Any]:
        return {
            "longest": self.longest,
            "batches_per_sequence": self.batches_per_sequence,
            "entropy_nats": math.log(self.longest) / (self.longest + 1 + BREAKS),
        }


@lru_cache(maxsize=2)  # training and validation
def _streams(seed: int, part: Part, number: int, *, shape: tuple[int, int], longest: int) -> Tensor:
    """(rows, steps) ids, of that shape: the rows of one sequence."""
    draw, (rows, steps) = drawn_from(seed, part, number), shape
    counts = torch.randint(1, longest + 1, (rows, steps // (2 + BREAKS) + 1), generator=draw)
    return torch.stack([written(row, steps=steps) for row in counts])


def written(counts: Tensor, *, steps: int) -> Tensor:
    """(steps,) ids: for each n of `counts`, which must suffice, n a's, a newline, n b's, a newline."""
    enough = int(((2 * counts + BREAKS).cumsum(0) < steps).sum()) + 1
    each = torch.stack([counts[:enough], torch.ones_like(counts[:enough])] * 2, 1).flatten()
    symbols = torch.tensor([A, NEWLINE, B, NEWLINE]).repeat(len(counts[:enough]))
    return symbols.repeat_interleave(each)[:steps]
