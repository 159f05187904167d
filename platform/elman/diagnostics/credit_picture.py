"""The credit matrix of a run's strategy, as a picture on its page."""

from __future__ import annotations

import logging
from typing import Any

import pytorch_lightning as pl

from elman.bptt.strategy import NoCreditMatrix
from elman.diagnostics.credit import credit_figure
from elman.diagnostics.diagnostic import Diagnostic, keep

log = logging.getLogger(__name__)


class CreditPicture(Diagnostic):
    """Before the first batch, which loss is charged to which step, as `credit.png`.

    There is none of a strategy whose gradient is no sum of credited pairs; the log says so.

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
            try:
                figure = credit_figure(task.bptt, begins, burn_in=warm, way_back=task.objective.way_back)
            except NoCreditMatrix as reason:
                log.info("%s; there is no picture of it", reason)
                return
            keep(trainer, self.name, figure)
