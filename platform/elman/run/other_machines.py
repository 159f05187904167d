"""System metrics of the machines that the first process of a run is not on."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytorch_lightning as pl
from torch.distributed import PrefixStore
from torch.distributed.distributed_c10d import _get_default_store

from elman.tracking.logger import RunLogger
from elman.tracking.system import SystemMonitor


class OtherMachines(pl.Callback):
    """The first process of each further machine measures it; the run takes its last sample with its own.

    Samples travel through the store by which the processes have met.
    """

    def __init__(self) -> None:
        self._monitor: SystemMonitor | None = None

    def on_train_start(self, trainer: pl.Trainer, task: Any) -> None:
        logger = trainer.logger
        if trainer.num_nodes < 2 or not isinstance(logger, RunLogger) or not logger.system_metrics:
            return
        shared = PrefixStore("elman/system", _get_default_store())
        if trainer.is_global_zero:
            logger.measure_also(Samples(shared, range(1, trainer.num_nodes)))
        elif trainer.local_rank == 0:
            self._monitor = SystemMonitor(Sending(shared, trainer.node_rank))
            self._monitor.start()

    def on_train_end(self, trainer: pl.Trainer, task: Any) -> None:
        if self._monitor is not None:
            self._monitor.close()
            self._monitor = None

    def on_exception(self, trainer: pl.Trainer, task: Any, exception: BaseException) -> None:
        self.on_train_end(trainer, task)


class Sending:
    """Puts the samples of a machine where `Samples` finds them."""

    def __init__(self, shared: Any, node: int) -> None:
        self._shared, self._node = shared, node

    def __call__(self, metrics: dict[str, float], step: int) -> None:
        with suppress(Exception):  # the first process may have ended
            self._shared.set(str(self._node), json.dumps([step, metrics]))


class Samples:
    """The samples of these machines that came since the call before; it waits for none."""

    def __init__(self, shared: Any, nodes: range) -> None:
        self._shared, self._taken = shared, {str(node): -1 for node in nodes}

    def __call__(self) -> dict[str, float]:
        found: dict[str, float] = {}
        with suppress(Exception):
            for node, taken in self._taken.items():
                if not self._shared.check([node]):
                    continue
                step, metrics = json.loads(self._shared.get(node))
                if step > taken:
                    self._taken[node] = step
                    found |= metrics
        return found
