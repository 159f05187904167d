"""CopyBlocks: blocks of letters, each followed by its copy, in a stream that is read again and again."""

from __future__ import annotations

import hashlib
import math
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from datamodules.batches import Batches
from datamodules.sequence_data import Part, SequenceData, check_counts, own_rows
from datamodules.synthetic.generated import drawn_from, take_rows
from elman.batch import SequenceBatch, at_first_step

BLANK, MARK, LETTERS = 0, 1, 4  # letters are 2 to 5


class CopyBlocks(SequenceData):
    """A block is a mark and m - 1 letters, then m blanks, in which the m symbols before are due again.

        x: # c a b - - - - # b b d - - - -
        y: - - - - # c a b - - - - # b b d

    m is drawn for each block. A row is such a stream from a random one of its first 2 `longest` steps on. An
    epoch reads `train_steps` of it in batches that follow on, and the next one reads the same again.
    Validation and test are other streams. Symbols are 0 '-', 1 '#' and four letters; all steps are scored.

    Args:
        shortest: symbols of the smallest block.
        longest: symbols of the largest block; as `shortest`: all blocks are as long.
        batch_size: streams side by side, over all processes.
        steps: steps of a batch.
        train_steps: steps of a training stream, a multiple of `steps`.
        eval_steps: steps of one of validation or test, a multiple of `steps`.
        spliced: as published, see Differs.
        seed: another seed draws other letters.

    Source: Aicher, Foti and Fox (2019), arXiv 1905.07473; `generate_copy_sequence` of their code.
    Differs: in nothing with `spliced`: there all rows written so far are shifted again whenever another one
    has been written, row r in all `batch_size` - r times, and what moves in at the end is each time the
    beginning of the same piece. Targets then hold fewer letters than those of rows that are shifted once.
    """

    input_size = output_size = 2 + LETTERS
    token_ids = True

    def __init__(
        self,
        *,
        shortest: int = 10,
        longest: int = 10,
        batch_size: int = 64,
        steps: int = 500,
        train_steps: int = 4000,
        eval_steps: int = 1000,
        spliced: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_counts(
            1,
            shortest=shortest,
            batch_size=batch_size,
            steps=steps,
            train_steps=train_steps,
            eval_steps=eval_steps,
        )
        check_counts(shortest, longest=longest)
        check_counts(0, seed=seed)
        for name, count in {"train_steps": train_steps, "eval_steps": eval_steps}.items():
            if count % steps:
                raise ValueError(f"{name} must be a multiple of steps={steps}, got {name}={count}")
        self.shortest, self.longest, self.batch_size, self.steps = shortest, longest, batch_size, steps
        self.train_steps, self.eval_steps, self.spliced, self.seed = train_steps, eval_steps, spliced, seed
        self.steps_per_epoch = batch_size * train_steps

    def setup(self, stage: str | None = None) -> None:
        """Nothing to do: streams are drawn where they are first read."""

    @cached_property
    def streams(self) -> dict[Part, tuple[Tensor, Tensor]]:
        """x and y of every part, (rows, steps) int64 each."""
        parts: dict[Part, int] = {"train": self.train_steps, "val": self.eval_steps, "test": self.eval_steps}
        return {part: self._stream(part, steps) for part, steps in parts.items()}

    def _stream(self, part: Part, steps: int) -> tuple[Tensor, Tensor]:
        random, written_steps = drawn_from(self.seed, part, 0), steps + 2 * self.longest
        shape = (self.batch_size, written_steps // (2 * self.shortest) + 1)
        sizes = torch.randint(self.shortest, self.longest + 1, shape, generator=random)
        letters = torch.randint(2, 2 + LETTERS, (*shape, self.longest), generator=random)
        shifts = torch.randint(0, 2 * self.longest, (self.batch_size,), generator=random)
        cut = splice if self.spliced else shift
        x, y = written(sizes, letters, steps=written_steps)
        return cut(x, shifts, steps=steps), cut(y, shifts, steps=steps)

    def loader(self, part: Part) -> Batches:
        rows = list(own_rows(self.batch_size, self.process(), argument="data.batch_size"))
        x, y = self.streams[part]
        count = x.shape[1] // self.steps

        def batch(index: int) -> SequenceBatch:
            place = index % count
            start, stop = place * self.steps, (place + 1) * self.steps
            return take_rows(
                SequenceBatch(
                    x=x[:, start:stop],
                    y=y[:, start:stop],
                    scored=torch.ones(self.batch_size, self.steps, dtype=torch.bool),
                    lengths=torch.full((self.batch_size,), self.steps),
                    begins=at_first_step(torch.full((self.batch_size,), place == 0), self.steps),
                    is_last=place == count - 1,
                ),
                rows,
            )

        return Batches(batch, length=None if part == "train" else count)

    def description(self) -> dict[str, Any]:
        metadata = {
            "block": f"{self.shortest} to {self.longest}",
            "batch_size": self.batch_size,
            "steps": self.steps,
            "train_steps": self.train_steps,
            "eval_steps": self.eval_steps,
            "spliced": self.spliced,
            "seed": self.seed,
            "baseline_nats": self.guess("val"),
        }
        digest = hashlib.sha256(repr(metadata).encode()).hexdigest()[:32]
        return {"name": "copyblocks", "source": "generated", "digest": digest, "metadata": metadata}

    def guess(self, part: Part) -> float:
        """Nats a step of a network that knows when a letter is due, but not which."""
        share = float((self.streams[part][1] > MARK).double().mean())
        return share * math.log(LETTERS)


def written(sizes: Tensor, letters: Tensor, *, steps: int) -> tuple[Tensor, Tensor]:
    """x and y, (rows, steps) each, of blocks that follow one another from step 0 on.

    Args:
        sizes: (rows, n) symbols of each block; the blocks of a row must fill it.
        letters: (rows, n, at least the largest size), of which a block takes the first ones; a mark comes in
            place of the first of all.
    """
    symbols = letters.clone()
    symbols[:, :, 0] = MARK
    stops = 2 * sizes.cumsum(1)
    step = torch.arange(steps).expand(len(sizes), -1).contiguous()
    block = torch.searchsorted(stops, step, right=True)
    size = sizes.gather(1, block)
    place = step - stops.gather(1, block) + 2 * size  # within the block and its copy
    row, first = torch.arange(len(sizes))[:, None], place < size
    symbol = symbols[row, block, place - size * ~first]
    return symbol.where(first, BLANK), symbol.where(~first, BLANK)


def shift(rows: Tensor, shifts: Tensor, *, steps: int) -> Tensor:
    """`steps` of each row from the step that `shifts` (rows,) says."""
    return rows.gather(1, shifts[:, None] + torch.arange(steps))


def splice(rows: Tensor, shifts: Tensor, *, steps: int) -> Tensor:
    """What the published loop makes of `shifts`: after row r is there, rows 0 to r all move by shifts[r]."""
    rows = rows.clone()
    for row, by in enumerate(shifts.tolist()):
        rows[: row + 1, :steps] = rows[: row + 1, by : by + steps].clone()
    return rows[:, :steps]
