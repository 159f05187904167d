"""Processor, memory, disk, network and GPU use of one node, beside the metrics of its run."""

from __future__ import annotations

import logging
from typing import Any

from elman.tracking.retry import within

log = logging.getLogger(__name__)

FINISH_SECONDS = 3.0


def start_monitor(run_id: str, *, tracking_uri: str, node_id: str, resumed: bool = False) -> Any | None:
    """Start MLflow's monitor; None, with a warning, where it cannot run (psutil missing).

    Its metrics are `system/<node_id>/...`; their step counts samples, ten seconds apart by default,
    and goes on after the last one where `resumed`. A process without a GPU records none.
    """
    try:
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        monitor = SystemMetricsMonitor(
            run_id, node_id=node_id, tracking_uri=tracking_uri, resume_logging=resumed
        )
        monitor.start()
    except Exception as error:
        log.warning("no system metrics: %s", error)
        return None
    return monitor


def finish_monitor(monitor: Any | None) -> None:
    """Stop and flush, but wait no longer than a dying process can."""
    if monitor is not None:
        within(FINISH_SECONDS, monitor.finish)
