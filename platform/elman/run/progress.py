"""The progress bar, in time steps."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import pytorch_lightning as pl
from tqdm import tqdm


class Progress(pl.Callback):
    """One line: the share of the budget, time steps per second, the last training and validation metric.

    Where the output is no terminal (a file, a pipe), one plain line after each validation instead.

    Args:
        monitor: the validation metric shown.
    """

    def __init__(self, monitor: str) -> None:
        self.monitor = monitor
        self.bar: tqdm | None = None
        self._shown = 0.0

    def on_train_start(self, trainer: pl.Trainer, task: Any) -> None:
        if trainer.is_global_zero:
            on_terminal = sys.stderr.isatty()
            sized = on_terminal and os.get_terminal_size(sys.stderr.fileno()).columns > 0
            self.bar = tqdm(
                disable=not on_terminal,
                total=task.max_time_steps,
                initial=task.time_steps,
                unit=" steps",
                unit_scale=True,
                dynamic_ncols=sized,
                ncols=None if sized else 100,  # some terminals have no size
                mininterval=0.2,
                file=sys.stderr,
                desc="training",
            )

    def on_train_batch_end(
        self, trainer: pl.Trainer, task: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self.bar is None:
            return
        reached = min(task.time_steps, self.bar.total or task.time_steps)  # the last batch may go beyond
        self.bar.update(reached - self.bar.n)
        now = time.monotonic()
        if now - self._shown > 1.0:
            self._shown = now
            self.bar.set_postfix(self._metrics(trainer), refresh=False)

    def on_validation_start(self, trainer: pl.Trainer, task: Any) -> None:
        if self.bar is not None:
            self.bar.set_description("validating")

    def on_validation_end(self, trainer: pl.Trainer, task: Any) -> None:
        if self.bar is not None:
            self.bar.last_print_t, self.bar.last_print_n = (
                time.time(),
                self.bar.n,
            )  # the rate is that of training
            self.bar.set_description("training", refresh=False)
            self.bar.set_postfix(self._metrics(trainer), refresh=True)
            if self.bar.disable:
                shown = ", ".join(f"{label} {value}" for label, value in self._metrics(trainer).items())
                print(f"{task.time_steps:,} time steps: {shown}", file=sys.stderr, flush=True)

    def on_train_end(self, trainer: pl.Trainer, task: Any) -> None:
        self._close()

    def on_exception(self, trainer: pl.Trainer, task: Any, exception: BaseException) -> None:
        self._close()

    def _metrics(self, trainer: pl.Trainer) -> dict[str, str]:
        """Values with their unit; entropies in bits, where there are any."""
        found = trainer.callback_metrics
        name = self.monitor.partition("/")[2]
        if name == "nats_per_step" and {"train/bits_per_step", "val/bits_per_step"} & set(found):
            name = "bits_per_step"
        shown = {split: f"{split}/{name}" for split in ("train", "val")}
        unit = name.removesuffix("_per_step")
        return {k: f"{float(found[metric]):.4f} {unit}" for k, metric in shown.items() if metric in found}

    def _close(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None
