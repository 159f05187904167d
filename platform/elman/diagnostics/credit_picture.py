"""The credit matrix of a run's strategy, as a picture on its page."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl

from elman.diagnostics.credit import credit_figure
from elman.diagnostics.diagnostic import Diagnostic, keep


class CreditPicture(Diagnostic):
    """Before the first batch, which loss is charged to which step, as `credit.png`.

    Args:
        steps: most steps of the picture; a larger one shows no more.
    """

    name = "credit"

    def __init__(self, *, steps: int = 200) -> None:
        if steps < 1:
            raise ValueError(f"steps must be at least 1, got steps={steps}")
        self.steps = steps

    def on_train_start(self, trainer: pl.Trainer, task: Any) -> None:
        data: Any = getattr(trainer, "datamodule", None)
        if trainer.is_global_zero and data is not None:
            batch = data.train_dataloader().batch(0)
            begins, warm = batch.begins[0, : self.steps], task.train_state.burn_in.steps
            keep(trainer, self.name, credit_figure(task.bptt, begins, burn_in=warm))
