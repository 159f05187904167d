"""What a run costs: time, memory, and the steps its core runs for every step of the data."""

from __future__ import annotations

import resource
import sys
import time
from typing import Any

import pytorch_lightning as pl
import torch

COSTS = ("cost/seconds", "cost/ms_per_step", "cost/core_steps_per_step", "cost/peak_memory_mib")
"""Every run has these figures at each validation."""


class Cost(pl.Callback):
    """Measures a run and logs its `COSTS` after each validation, at the time step reached.

    `cost/seconds` is the time in training and validation, `cost/ms_per_step` that of training alone
    divided by the time steps seen, both over all attempts of a run that was resumed, the checkpoints
    that follow a validation left out. `cost/core_steps_per_step` counts the steps run forward in
    training: 1 for `Full`, near k2/k1 for `Truncated(k1, k2)`; it is the same on every machine. Of
    several processes that train together the first one is measured. `cost/peak_memory_mib` is the
    largest use so far: of the GPU's memory by tensors, else of this process's memory as a whole, what
    was imported included.
    """

    def __init__(self) -> None:
        self.seconds = self.training_seconds = 0.0
        self.core_steps = self.batch_steps = 0
        self.peak_memory_mib = 0.0
        self._then = 0.0
        self._paused = False
        self._steps_before = 0

    def on_train_start(self, trainer: pl.Trainer, task: Any) -> None:
        self._then = time.perf_counter()

    def on_train_batch_start(self, trainer: pl.Trainer, task: Any, batch: Any, batch_idx: int) -> None:
        self._steps_before = task.objective.steps_run
        if self._paused:  # what came between, such as a checkpoint or a search that was away, is no training
            self._then, self._paused = time.perf_counter(), False

    def on_train_batch_end(
        self, trainer: pl.Trainer, task: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.core_steps += task.objective.steps_run - self._steps_before
        self.batch_steps += batch.steps

    def on_validation_start(self, trainer: pl.Trainer, task: Any) -> None:
        passed = self._lap()
        self.seconds, self.training_seconds = self.seconds + passed, self.training_seconds + passed

    def on_validation_end(self, trainer: pl.Trainer, task: Any) -> None:
        self.seconds += self._lap()
        self._paused = True
        if trainer.state.fn == "fit" and self.batch_steps:
            task.log_metrics(self.figures(task))

    def figures(self, task: Any) -> dict[str, float]:
        """All `COSTS` so far."""
        self.peak_memory_mib = max(self.peak_memory_mib, peak_memory_mib(task.device))
        return {
            "cost/seconds": self.seconds,
            "cost/ms_per_step": 1000 * self.training_seconds / max(1, task.time_steps),
            "cost/core_steps_per_step": self.core_steps / self.batch_steps,
            "cost/peak_memory_mib": self.peak_memory_mib,
        }

    def _lap(self) -> float:
        now = time.perf_counter()
        passed, self._then = now - self._then, now
        return passed

    def state_dict(self) -> dict[str, Any]:
        return {
            "seconds": self.seconds,
            "training_seconds": self.training_seconds,
            "core_steps": self.core_steps,
            "batch_steps": self.batch_steps,
            "peak_memory_mib": self.peak_memory_mib,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.seconds, self.training_seconds = state_dict["seconds"], state_dict["training_seconds"]
        self.core_steps, self.batch_steps = state_dict["core_steps"], state_dict["batch_steps"]
        self.peak_memory_mib = state_dict["peak_memory_mib"]


def peak_memory_mib(device: torch.device) -> float:
    """The largest use of memory so far, in MiB: of the GPU's, else of this process's."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
