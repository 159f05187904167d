"""What a constant answer reaches on a run's validation data, kept with the run."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl

from elman.tasks.chance import Targets, chance_levels
from elman.tracking.floor import floor_tags
from elman.tracking.logger import RunLogger


class KnownFloor(pl.Callback):
    """Counts the targets of the first validation as they pass: nothing is read for it."""

    def __init__(self) -> None:
        self._targets: Targets | None = None
        self._known = False

    def on_validation_start(self, trainer: pl.Trainer, task: Any) -> None:
        self._targets = None
        if trainer.state.fn == "fit" and not self._known:
            self._targets = Targets(task.network.output_size)

    def on_validation_batch_end(
        self, trainer: pl.Trainer, task: Any, outputs: Any, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        if self._targets is not None:
            self._targets.add(batch)

    def on_validation_end(self, trainer: pl.Trainer, task: Any) -> None:
        targets, self._targets = self._targets, None
        if targets is None:
            return
        self._known = True
        if trainer.world_size > 1:
            targets.over_ranks(task.device)
        if isinstance(trainer.logger, RunLogger):
            data = getattr(trainer, "datamodule", None)
            trainer.logger.set_tags(floor_tags(chance_levels(task.loss, targets, data)))
