"""SequenceData: what every data module here promises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Literal

from pytorch_lightning import LightningDataModule
from torch import Tensor

from datamodules.batches import Batches
from datamodules.live import Ids, Reader, Rows
from elman.errors import BadInput

Part = Literal["train", "val", "test"]


class SequenceData(LightningDataModule, ABC):
    """Sequences in rows, as `SequenceBatch`es.

    Rows are counted over all processes: process r of n holds rows r, r + n, r + 2n, ... of the one
    global batch, so the same rows are trained with any number of processes, and every process
    gets the same number of batches.

    Training batches never end. An epoch is made of batches that follow on: its first batch has
    `is_first` in every row, its last one `is_last`, and row b of each batch between continues row b
    of the batch before. Validation and test are one epoch each.

    The attributes exist after `setup()`.
    """

    input_size: int
    """Number of token ids, or of input features."""

    output_size: int
    """Number of classes, or of target values."""

    token_ids: bool
    """True: x holds ids (B, T); False: x holds values (B, T, input_size)."""

    steps_per_epoch: int
    """Time steps that exist in one training epoch, over all rows and processes."""

    context_size: int | None = None
    """Features of `SequenceBatch.context` (of its first tensor's last axis); None: there is no context."""

    class_counts: Tensor | None = None
    """(output_size,) how often each class is a training target; None where unknown or without meaning."""

    target_scale: Tensor | None = None
    """(output_size,) what 1 in y stands for, in the data's own units; None: y is in those units already."""

    target_shift: Tensor | None = None
    """(output_size,) what 0 in y stands for, in the data's own units; with `target_scale`."""

    sample_rate_hz: int | None = None
    """Sound: samples a second; x then holds frames of samples, (B, T, input_size)."""

    @abstractmethod
    def description(self) -> dict[str, Any]:
        """`name`, `source`, `digest` (hex, at most 36 characters) and `metadata`, a dict of short values."""

    @abstractmethod
    def loader(self, part: Part) -> Batches:
        """This process's batches of one part."""

    def summary(self) -> list[str]:
        """What was found, in lines for the terminal and the run's page; none where nothing is searched."""
        return []

    def target_units(self, name: str | None) -> tuple[Tensor, Tensor] | None:
        """(O,) scale and shift of an example's y: y * scale + shift is in the data's own units.

        Args:
            name: of the example, where it has one.

        Returns:
            None where y is in those units already.
        """
        scale, shift = self.target_scale, self.target_shift
        return None if scale is None or shift is None else (scale, shift)

    def reader(self, *, input_size: int, token_ids: bool) -> Reader:
        """How this data comes out of a pipe, for a network that was trained on it; needs no `setup()`.

        What the data had to learn (an alphabet, a mean) is as `load_state_dict` gave it. Here: numbers, a
        step a line.

        Args:
            input_size, token_ids: those of the data that the network was trained on.
        """
        kind: type[Ids] | type[Rows] = Ids if token_ids else Rows
        return kind(input_size=input_size, outputs=getattr(self, "classes", ()))

    def train_dataloader(self) -> Batches:
        return self.loader("train")

    def val_dataloader(self) -> Batches:
        return self.loader("val")

    def test_dataloader(self) -> Batches:
        return self.loader("test")

    def process(self) -> tuple[int, int]:
        """(rank, number of processes); (0, 1) without a trainer."""
        return (0, 1) if self.trainer is None else (self.trainer.global_rank, self.trainer.world_size)


def own_rows(row_count: int, process: tuple[int, int], *, argument: str) -> range:
    """The rows of the global batch that this process holds.

    Args:
        row_count: rows of the global batch.
        process: (rank, number of processes).
        argument: what a recipe calls `row_count`, for the message.

    Raises:
        BadInput: if there are fewer rows than processes.
    """
    rank, world = process
    if row_count < world:
        raise BadInput(
            f"{argument}={row_count} rows cannot feed {world} processes: each needs at least one row; "
            f"set {argument} to {world} or more, or use fewer trainer.devices"
        )
    return range(rank, row_count, world)


def check_counts(least: int, **counts: int) -> None:
    """Refuse, by name, a count that is not a whole number of at least `least`."""
    for name, value in counts.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
