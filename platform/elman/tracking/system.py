"""Processor, memory, disk, network and GPU use of one node, beside the metrics of its run."""

from __future__ import annotations

import logging
import math
import os
import threading
from collections.abc import Callable
from typing import Any

from elman.tracking.store import first_line

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 10.0


def node() -> str:
    """What tells this machine from the others of a run: `node_0`."""
    number = (
        os.environ.get("GROUP_RANK") or os.environ.get("NODE_RANK") or os.environ.get("SLURM_NODEID") or "0"
    )
    return f"node_{number}"


class SystemMonitor:
    """Measures this machine with MLflow's monitors, every MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL s, or ten.

    Its metrics are `system/<node>/...`; their step counts samples. There are none of a GPU without one.
    Nothing is measured, with a warning, where it cannot be.

    Args:
        record: takes the metrics of one sample, and its step.
        first: the step of the first sample.
    """

    def __init__(self, record: Callable[[dict[str, float], int], None], *, first: int = 0) -> None:
        self._record, self.next = record, first
        self.also: Callable[[], dict[str, float]] = dict  # what else belongs to a sample: of other machines
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="elman-system", daemon=True)

    def start(self) -> None:
        try:
            self._monitors, self._seconds = _monitors()
        except Exception as error:
            log.warning("no system metrics: %s", first_line(error))
            return
        self._thread.start()

    def close(self) -> None:
        """End its thread; a sample in the making is waited for."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(1.0)

    def _run(self) -> None:
        prefix = f"system/{node()}/"
        while not self._closing.is_set():
            try:
                found: dict[str, float] = {}
                for monitor in self._monitors:
                    monitor.collect_metrics()
                    found |= monitor.aggregate_metrics()
                    monitor.clear_metrics()
            except Exception as error:
                log.warning("no more system metrics: %s", first_line(error))
                return
            if self._closing.wait(self._seconds):
                return
            own = {prefix + k: float(v) for k, v in found.items() if math.isfinite(v)}
            self._record(own | self.also(), self.next)
            self.next += 1


def _monitors() -> tuple[list[Any], float]:
    """MLflow's, of what there is here, and the seconds between two samples."""
    from mlflow.environment_variables import MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL
    from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
    from mlflow.system_metrics.metrics.disk_monitor import DiskMonitor
    from mlflow.system_metrics.metrics.gpu_monitor import GPUMonitor
    from mlflow.system_metrics.metrics.network_monitor import NetworkMonitor
    from mlflow.system_metrics.metrics.rocm_monitor import ROCMMonitor

    found = [CPUMonitor(), DiskMonitor(), NetworkMonitor()]
    for kind in (GPUMonitor, ROCMMonitor):
        try:
            found.append(kind())
            break
        except Exception as error:  # there is none of this kind
            log.debug("%s: %s", kind.__name__, error)
    return found, float(MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL.get() or INTERVAL_SECONDS)
