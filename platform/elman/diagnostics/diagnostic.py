"""The contract of a diagnostic: something measured on a run, with a name and a picture."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import pytorch_lightning as pl

from elman.tracking.logger import RunLogger

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Diagnostic(pl.Callback):
    """Something measured on a run while it trains: metrics, and a picture or a text on the run's page.

    After each validation `measure` gives metrics and `draw` a picture or a text of the time step reached.
    What has to be gathered in between comes from the hooks of a callback of Lightning, such as
    `on_train_batch_end`; what has to survive a resume is in its `state_dict`. Nothing of a diagnostic that
    a recipe does not list is built or called.

    A recipe names the class by its import path under `diagnostics`, with the arguments of its constructor.
    """

    name: ClassVar[str]
    """Where it stands on the run's page: of metrics `name/...`, of pictures and texts `name/STEP.png`."""

    closing: str = ""
    """What the terminal shows of it when the run has ended well."""

    def missing(self, task: Any, data: Any) -> str:
        """What this diagnostic needs that the run does not have, for a message; nothing if it fits."""
        return ""

    def measure(self, task: Any, data: Any) -> Mapping[str, float]:
        """Metrics by their names without `name/`, on every process."""
        return {}

    def draw(self, task: Any, data: Any) -> Figure | str | None:
        """A figure of matplotlib or plotly, or a text; on the first process."""
        return None

    def on_validation_end(self, trainer: pl.Trainer, task: Any) -> None:
        if trainer.state.fn != "fit":
            return
        data = getattr(trainer, "datamodule", None)
        metrics = self.measure(task, data)
        if metrics:
            task.log_metrics({f"{self.name}/{key}": value for key, value in metrics.items()})
        if trainer.is_global_zero:
            keep(trainer, f"{self.name}/{task.time_steps:014d}", self.draw(task, data))


def keep(trainer: pl.Trainer, name: str, drawn: Figure | str | None) -> None:
    """Put a picture or a text on the run's page, as `name` with the suffix of its kind."""
    if drawn is None or not isinstance(trainer.logger, RunLogger):
        return
    if isinstance(drawn, str):
        trainer.logger.log_text(drawn, f"{name}.txt")
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*missing from font.*")
        trainer.logger.log_figure(drawn, f"{name}.png")
