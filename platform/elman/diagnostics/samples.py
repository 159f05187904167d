"""Texts that the network writes while it learns."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl

from elman.predict.sampling import sample_text
from elman.tracking.logger import RunLogger


class Samples(pl.Callback):
    """After every validation, a text the network writes; the last one is printed at the end."""

    def __init__(self, data: Any, *, count: int = 300) -> None:
        self.data, self.count, self.text = data, count, ""

    @property
    def last_words(self) -> str:
        """What the run prints at its end."""
        return f"a sample:\n\n{self.text.strip()}\n" if self.text else ""

    def on_validation_end(self, trainer: pl.Trainer, task: Any) -> None:
        if trainer.is_global_zero and task.input_size == task.output_size and task.token_ids:
            self.text = sample_text(task, self.data.alphabet, count=self.count)
            if isinstance(trainer.logger, RunLogger):
                trainer.logger.log_text(self.text, f"samples/{task.time_steps:014d}.txt")
