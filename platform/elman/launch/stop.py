"""Ending a run early and in order: signals, noted at once and obeyed between batches."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import Any

import pytorch_lightning as pl
import torch
import torch.distributed as dist
from pytorch_lightning.utilities.exceptions import SIGTERMException

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(SIGTERMException):
    """The run was asked to stop, and did, with a checkpoint behind it."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number


class Stop(pl.Callback):
    """Notes Ctrl-C and SIGTERM; all ranks then stop after the same batch.

    A second signal of the same kind acts at once, as it would without us.
    """

    def __init__(self) -> None:
        self.number = 0
        self._before: dict[int, Any] = {}

    def on_train_start(self, trainer: pl.Trainer, task: pl.LightningModule) -> None:
        for number in SIGNALS:  # after Lightning has installed its own
            self._before[number] = signal.signal(number, self._note)

    def teardown(self, trainer: pl.Trainer, task: pl.LightningModule, stage: str) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        self._before = {}

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.number == number:
            signal.signal(number, signal.SIG_DFL)
            if number == signal.SIGINT:
                raise KeyboardInterrupt
            signal.raise_signal(number)
        self.number = number
        name = signal.Signals(number).name
        print(f"\n{name}: stopping after this batch; again to stop at once", file=sys.stderr, flush=True)

    def agree(self, due: bool) -> tuple[bool, int]:
        """Over all ranks: whether any wants to save, and the signal any has received (0: none)."""
        if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
            return due, self.number
        both = torch.tensor([int(due), self.number])
        if dist.get_backend() == "nccl":
            both = both.cuda()
        dist.all_reduce(both, dist.ReduceOp.MAX)
        return bool(both[0]), int(both[1])

    def leave(self, number: int) -> None:
        """Raise `Stopped` if there was a signal."""
        if number:
            raise Stopped(number)
