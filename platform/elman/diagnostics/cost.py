"""What a run costs: time, memory, and the steps its core runs for every step of the data."""

from __future__ import annotations

import resource
import sys
import time
from typing import Any

import pytorch_lightning as pl
import torch

from elman.diagnostics.diagnostic import Diagnostic
from elman.diagnostics.step_cost import step_cost

COSTS = tuple(
    f"cost/{name}"
    for name in ("seconds", "cpu_seconds", "ms_per_step", "core_steps_per_step", "peak_memory_mib")
)
"""Every run has these metrics at each validation."""

SAVED = (
    "seconds",
    "cpu_seconds",
    "training_seconds",
    "core_steps",
    "batch_steps",
    "peak_memory_mib",
    "step_cost",
)


class Cost(Diagnostic):
    """Measures a run and logs its `COSTS` after each validation, at the time step reached.

    `cost/seconds` is the time in training and validation, `cost/cpu_seconds` the processor time of all its
    threads meanwhile, `cost/ms_per_step` that of training alone
    divided by the time steps seen, both over all attempts of a run that was resumed, the checkpoints
    that follow a validation left out. `cost/core_steps_per_step` counts the steps run forward in
    training: 1 for `Full`, near k2/k1 for `Truncated(k1, k2)`; it is the same on every machine. A step of
    a strategy that traces forward counts as many steps of `Full` as take its time, measured once, on the
    first batch, so that costs compare; that figure is the machine's. Of several processes that train
    together the first one is measured. `cost/peak_memory_mib` is the largest use so far: of the GPU's
    memory by tensors, else of this process's memory as a whole, what was imported included.
    """

    name = "cost"

    def __init__(self) -> None:
        self.seconds = self.cpu_seconds = self.training_seconds = 0.0
        self.core_steps = self.batch_steps = 0
        self.step_cost: float | None = None
        self.peak_memory_mib = 0.0
        self._then = self._cpu_then = 0.0
        self._paused = False
        self._steps_before = 0

    def on_train_start(self, trainer: pl.Trainer, task: Any) -> None:
        self._then, self._cpu_then = time.perf_counter(), time.process_time()

    def on_train_batch_start(self, trainer: pl.Trainer, task: Any, batch: Any, batch_idx: int) -> None:
        if self.step_cost is None:
            self.step_cost = step_cost(task, batch) if task.bptt.traces else 1.0
            self._paused = self._paused or task.bptt.traces
        self._steps_before = task.objective.steps_run
        if self._paused:  # what came between, such as a checkpoint or a report to a search, is no training
            self._then, self._cpu_then, self._paused = time.perf_counter(), time.process_time(), False

    def on_train_batch_end(
        self, trainer: pl.Trainer, task: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.core_steps += (task.objective.steps_run - self._steps_before) * (self.step_cost or 1)
        self.batch_steps += batch.steps

    def on_validation_start(self, trainer: pl.Trainer, task: Any) -> None:
        passed = self._lap()
        self.seconds, self.training_seconds = self.seconds + passed, self.training_seconds + passed

    def measure(self, task: Any, data: Any) -> dict[str, float]:
        self.seconds += self._lap()
        self._paused = True
        self.peak_memory_mib = max(self.peak_memory_mib, peak_memory_mib(task.device))
        if not self.batch_steps:
            return {}
        return {
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "ms_per_step": 1000 * self.training_seconds / max(1, task.time_steps),
            "core_steps_per_step": self.core_steps / self.batch_steps,
            "peak_memory_mib": self.peak_memory_mib,
        }

    def _lap(self) -> float:
        now, cpu_now = time.perf_counter(), time.process_time()
        passed, self._then = now - self._then, now
        self.cpu_seconds, self._cpu_then = self.cpu_seconds + cpu_now - self._cpu_then, cpu_now
        return passed

    def state_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in SAVED}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for name in SAVED:
            # Checkpoints of before have neither step_cost nor cpu_seconds.
            setattr(self, name, state_dict.get(name, 0.0 if name == "cpu_seconds" else None))


def peak_memory_mib(device: torch.device) -> float:
    """The largest use of memory so far, in MiB: of the GPU's, else of this process's."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
