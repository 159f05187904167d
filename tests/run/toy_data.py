"""Data modules for the tests of launching, named in recipes by their import path."""

import time
from pathlib import Path

import pytorch_lightning as pl
import torch

from datamodules.batches import Batches
from datamodules.sequence_data import SequenceData, own_rows
from datamodules.synthetic import Adding
from datamodules.text import Text
from elman.batch import SequenceBatch, at_first_step
from elman.errors import BadInput


class Breaking(Text):
    """A text whose training batch 5 cannot be had.

    Args:
        how: 'crash' raises what nobody expects, 'refuse' what elman explains to its user, 'once' is a
            crash that does not come again, 'second' refuses on the second process alone.
    """

    def __init__(self, *, how: str = "crash", batch_size: int = 4, steps: int = 60) -> None:
        super().__init__(path="text.txt", cache="cache", batch_size=batch_size, steps=steps)
        self.how = how

    def loader(self, part):
        whole = super().loader(part)
        if part != "train":
            return whole

        def batch(index):
            if index == 5 and not Path("broken").exists():
                if self.how == "refuse" or (self.how, self.process()[0]) == ("second", 1):
                    raise BadInput("batch 5 is not to be had; take another one")
                if self.how == "once":
                    Path("broken").touch()
                if self.how != "second":
                    raise ZeroDivisionError("batch 5")
            return whole.batch(index)

        return Batches(batch)


class Slow(Text):
    """A text whose loaders take their time, so that a signal comes before the first batch."""

    def __init__(self, *, batch_size: int = 4, steps: int = 60) -> None:
        super().__init__(path="text.txt", cache="cache", batch_size=batch_size, steps=steps)

    def val_dataloader(self):
        time.sleep(10)
        return super().val_dataloader()


class Ragged(SequenceData):
    """Three rows of random ids whose lengths differ; two processes never have equally long batches.

    Args:
        sparse: score only the last step of each row; else all of them.
    """

    input_size = output_size = 7
    token_ids = True
    lengths = ((9, 21, 5), (17, 3, 12))  # of even and odd batches; process 0 holds the outer ones
    steps_per_epoch = sum(map(sum, lengths))

    def __init__(self, *, sparse: bool = False) -> None:
        super().__init__()
        self.sparse = sparse

    def description(self):
        return {"name": "ragged", "source": "toy_data", "digest": "0", "metadata": {"rows": 3}}

    def loader(self, part):
        rows = own_rows(3, self.process(), argument="rows")
        return Batches(lambda index: self.batch(index, list(rows)), length=None if part == "train" else 2)

    def batch(self, index, rows):
        lengths = torch.tensor(self.lengths[index % 2])
        ids = torch.randint(7, (3, 22), generator=torch.Generator().manual_seed(index))
        steps = int(lengths[rows].max())
        at, ends = torch.arange(steps), lengths[rows][:, None]
        return SequenceBatch(
            x=torch.where(at < ends, ids[rows, :steps], 0),
            y=torch.where(at < ends, ids[rows, 1 : steps + 1], 0),
            scored=at == ends - 1 if self.sparse else at < ends,
            lengths=lengths[rows],
            begins=at_first_step(torch.ones(len(rows), dtype=torch.bool), steps),
        )


class Begun(pl.Callback):
    """Prints when training begins with a batch."""

    def on_train_batch_start(self, trainer, task, batch, batch_idx):
        print("a batch begins", flush=True)


class Spoilt(Adding):
    """Adding, with one value that is not finite: at step 3 of row 1 in batch 1 of a part.

    Args:
        part: train, val or test.
        value: of the input there; of the target, where `target` holds.
        names: whether rows have names.
    """

    def __init__(
        self, *, part: str = "val", value: float = float("nan"), target: bool = False, names: bool = False
    ) -> None:
        super().__init__(steps=8, batch_size=4, val_batches=2)
        self.spoilt, self.value, self.target, self.names = part, value, target, names

    def batch(self, part, index):
        batch = super().batch(part, index)
        if part == self.spoilt and index == 1:
            where = batch.y if self.target else batch.x
            where[1, -1 if self.target else 3] = self.value
        return batch

    def loader(self, part):
        whole = super().loader(part)
        called = [[f"clip {row}.npy"] for row in range(4)]
        return Batches(whole.batch, length=whole.length, names=(lambda index: called) if self.names else None)


class Unscored(Adding):
    """Adding, of which no step of the validation part is scored."""

    def __init__(self) -> None:
        super().__init__(steps=8, batch_size=4, val_batches=2)

    def batch(self, part, index):
        batch = super().batch(part, index)
        return batch._replace(scored=batch.scored & (part != "val"))
