"""How long a run lasts and where it runs: the `trainer` block of a recipe."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

import torch

from elman.errors import BadInput

REFUSED = {
    "max_steps": "trainer.max_time_steps counts the budget in time steps",
    "every_n_train_steps": "trainer.checkpoint_every_minutes says how often the run is saved",
    "train_time_interval": "trainer.checkpoint_every_minutes says how often the run is saved",
    "gradient_clip_val": "model.clip limits the gradient's norm",
    "gradient_clip_algorithm": "model.clip limits the gradient's norm",
    "accumulate_grad_batches": "model.accumulate joins updates",
    "val_check_interval": "trainer.val_every counts time steps between validations",
    "check_val_every_n_epoch": "trainer.val_every counts time steps between validations",
    "log_every_n_steps": "model.log_every counts updates between reports",
    "enable_progress_bar": "trainer.progress shows or hides the bar",
    "logger": "the tracking block says where the run is recorded",
    "callbacks": "the key callbacks, at the top of the recipe, lists your own",
    "strategy": "trainer.devices alone sets up data parallelism; model.bptt names the gradient's strategy",
}
"""Options of Lightning's trainer that count or do something else here, and what to use."""


MOST_THREADS = max(256, os.cpu_count() or 1)  # torch starts as many as it is told
MOST_DEVICES = 64  # each is a process that is started
MOST_NODES = 4096


@dataclass(frozen=True, kw_only=True)
class Training:
    """How long a run lasts, where it runs, and how often it is validated and saved.

    Args:
        max_time_steps: budget in time steps seen, summed over rows and processes.
        max_epochs: budget in epochs, passes over the training data.
        max_minutes: budget in minutes of training, validation included, over all starts of a run.
        val_every: time steps between validations; null: a tenth of the budget, or a hundred batches where
            only minutes end the run.
        monitor: metric of validation by which the best checkpoint is known, for instance val/accuracy; null:
            the loss.
        checkpoint_every_minutes: longest time between two saves.
        keep_every: time steps between two checkpoints that are kept for good, beside the newest two and the
            best; null: none.
        checkpoints: folder of all runs' checkpoints; a run's own are below it, by its id.
        accelerator: cpu, gpu or auto.
        devices: processes that train together on a machine, one a device; torchrun and srun say it.
        num_nodes: machines that train together; each runs the same command, with NODE_RANK, MASTER_ADDR and
            MASTER_PORT in its environment, unless torchrun or srun starts them all.
        precision: 32-true, bf16-mixed or 64-true; carries and sums stay in 32 bits or more.
        threads: CPU threads of a process; null leaves it to torch.
        progress: show a progress bar.
        flush_denormal: treat numbers below 1e-38 as zero on CPU. Gradients that vanish through time
            become such numbers, and arithmetic on them is many times slower.
        test_after: score the best checkpoint on the test data when the run has ended.

    Raises:
        ValueError: for a value out of range.
    """

    max_time_steps: int | None = None
    max_epochs: float | None = None
    max_minutes: float | None = None
    val_every: int | None = None
    monitor: str | None = None
    checkpoint_every_minutes: float = 1.0
    keep_every: int | None = None
    checkpoints: str = "checkpoints"
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    devices: int = 1
    num_nodes: int = 1
    precision: Literal["32-true", "bf16-mixed", "64-true"] = "32-true"
    threads: int | None = None
    progress: bool = True
    flush_denormal: bool = True
    test_after: bool = False

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if number and not 0 < value < float("inf"):
                raise ValueError(f"trainer.{name} must be positive, got {value}")
        if self.max_time_steps is not None and self.max_epochs is not None:
            raise ValueError(
                "trainer.max_time_steps and trainer.max_epochs are both budgets; set one and null the other"
            )
        if self.monitor is not None and not self.monitor.startswith("val/"):
            raise ValueError(
                f"trainer.monitor must be a metric of validation, such as val/accuracy, got {self.monitor!r}"
            )
        if not self.checkpoints.strip():
            raise ValueError("trainer.checkpoints must name a folder, got ''")
        for name, most in (("threads", MOST_THREADS), ("devices", MOST_DEVICES), ("num_nodes", MOST_NODES)):
            if (getattr(self, name) or 0) > most:
                raise ValueError(
                    f"trainer.{name} must be at most {most}, got {getattr(self, name)}; this machine has "
                    f"{os.cpu_count()} CPUs"
                )
        if self.accelerator == "gpu" and not torch.cuda.is_available():
            raise ValueError("trainer.accelerator=gpu, but torch finds no GPU here; use cpu or auto")

    @property
    def processes(self) -> int:
        """On all machines."""
        return self.devices * self.num_nodes

    def budget(self, steps_per_epoch: int) -> int | None:
        """The budget in time steps; None: only minutes end the run.

        Raises:
            BadInput: if nothing ends it.
        """
        if self.max_time_steps is None and self.max_epochs is None and self.max_minutes is None:
            raise BadInput(
                "nothing ends this run: set trainer.max_time_steps, trainer.max_epochs or trainer.max_minutes"
            )
        if self.max_epochs is None:
            return self.max_time_steps
        return max(1, round(self.max_epochs * steps_per_epoch))
