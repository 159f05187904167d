"""The trainer: Lightning's loops, with budgets, checkpoints and stops counted in time steps."""

from __future__ import annotations

import logging
from pathlib import Path
from time import monotonic
from typing import Any

import pytorch_lightning as pl
import torch

from elman.diagnostics.cost import Cost
from elman.recipes.training import Training
from elman.run.checkpoints import Checkpoints, WholeFiles
from elman.run.known_floor import KnownFloor
from elman.run.other_machines import OtherMachines
from elman.run.parallel import flat_gradient
from elman.run.progress import Progress
from elman.run.stop import Stop
from elman.run.together import environment_of_processes
from elman.run.trial import ReportCallback, Reports, SearchClient
from elman.tasks.quiet import quiet_lightning


class Budget(pl.Callback):
    """Ends the run when its time steps or minutes are spent, with all that was learned in the weights.

    Minutes are those of all its starts.
    """

    def __init__(self, *, max_time_steps: int | None, max_minutes: float | None) -> None:
        self.max_time_steps, self.max_minutes = max_time_steps, max_minutes
        self._began, self._before = monotonic(), 0.0  # seconds

    def on_train_start(self, trainer: pl.Trainer, task: Any) -> None:
        self._began = monotonic()
        # A run may have been stopped after its last batch.
        trainer.should_stop = self._spent(task) or bool(trainer.strategy.broadcast(self._late()))

    def on_train_batch_end(
        self, trainer: pl.Trainer, task: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        late = self._late()
        if self.max_minutes is not None:
            late = bool(trainer.strategy.broadcast(late))
        trainer.should_stop = trainer.should_stop or self._spent(task) or late
        if trainer.should_stop:
            task.finish()  # before the last validation

    def _late(self) -> bool:
        return self.max_minutes is not None and self._seconds() >= 60 * self.max_minutes

    def _seconds(self) -> float:
        return self._before + monotonic() - self._began

    def state_dict(self) -> dict[str, Any]:
        return {"minutes": self._seconds() / 60}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._before = 60 * state_dict["minutes"]

    def _spent(self, task: Any) -> bool:
        return self.max_time_steps is not None and task.time_steps >= self.max_time_steps


def prepare_process(settings: Training) -> None:
    """Settings of the whole process: quiet libraries, threads, denormal numbers."""
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    _show_fetching()
    quiet_lightning()
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    torch.set_flush_denormal(settings.flush_denormal)


def _show_fetching() -> None:
    """Show what fetching reports, which can take minutes."""
    log = logging.getLogger("datamodules.fetching")
    if not log.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(message)s"))
        log.addHandler(handler)
        log.setLevel(logging.INFO)


def make_trainer(
    settings: Training,
    *,
    folder: Path,
    monitor: str,
    steps_per_batch: float,
    max_time_steps: int | None,
    logger: Any = None,
    callbacks: list[pl.Callback] | None = None,
    search: SearchClient | None = None,
    searched: bool = False,
) -> pl.Trainer:
    """A Lightning trainer for a `SequenceTask`.

    Args:
        settings: of the recipe.
        folder: the run's checkpoints.
        monitor: metric whose best value names the best checkpoint.
        steps_per_batch: mean time steps of a training batch, over all rows and processes.
        max_time_steps: the budget, if there is one.
        logger: where metrics go.
        callbacks: those of the run: what it measures, and the user's own; null: what the run costs.
        search: that has started the run, on its first process.
        searched: whether a search has started it, on all its processes.
    """
    every = settings.val_every or (max_time_steps // 10 if max_time_steps else 100 * steps_per_batch)
    every = max(1, every)
    stop, files, reports = Stop(), WholeFiles(), Reports(search, every=round(every))
    own: list[pl.Callback] = [
        Budget(max_time_steps=max_time_steps, max_minutes=settings.max_minutes),
        *([Progress(monitor)] if settings.progress else []),
        *(callbacks or [Cost()]),
        KnownFloor(),
        *([OtherMachines()] if settings.num_nodes > 1 else []),
        *([reports] if searched else []),
        stop,
        Checkpoints(
            folder,
            every_minutes=settings.checkpoint_every_minutes,
            keep_every=settings.keep_every,
            monitor=monitor,
            stop=stop,
            files=files,
        ),
        *([ReportCallback(reports)] if searched else []),
    ]
    return pl.Trainer(
        accelerator=settings.accelerator,
        devices=settings.devices,
        precision=settings.precision,
        num_nodes=settings.num_nodes,
        strategy=flat_gradient(settings) if settings.processes > 1 else "auto",
        logger=logger if logger is not None else False,
        callbacks=own,
        plugins=[files, environment_of_processes()],
        max_epochs=-1,
        val_check_interval=max(1, round(every / steps_per_batch)),
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
