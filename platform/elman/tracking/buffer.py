"""Metrics on their way to the spool: handed over in a microsecond, written by a thread."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from elman.tracking.params import clean_name

BATCH_POINTS = 1000  # the most that MLflow takes in one call


class Point(NamedTuple):
    key: str
    value: float
    timestamp_ms: int
    step: int


class MetricBuffer:
    """Takes metrics from the training loop and writes them, in groups, from a thread of its own.

    Args:
        write: keeps points, at most 1,000; none: `diverged_at` is new.
        last_step: last time step logged before a resume.
        diverged_at: first time step of a non-finite value before a resume.
        flush_seconds: time between two writes.

    Cost: the caller pays for one append.
    """

    def __init__(
        self,
        write: Callable[[list[Point]], None],
        *,
        last_step: int = -1,
        diverged_at: int | None = None,
        flush_seconds: float = 1.0,
    ) -> None:
        if flush_seconds <= 0:
            raise ValueError(f"flush_seconds must be positive, got flush_seconds={flush_seconds}")
        self._write, self._flush_seconds = write, flush_seconds
        self._calls: deque[tuple[Mapping[str, float], int, float]] = deque()
        self.last_step, self.diverged_at = last_step, diverged_at
        self._told = diverged_at  # with the last points written
        self.non_finite = 0
        self._writing = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="elman-metrics", daemon=True)
        self._thread.start()

    def add(self, metrics: Mapping[str, Any], step: int) -> None:
        """Accept the metrics of one time step. Tensors are read now: they may change before they are sent."""
        values = {key: v if type(v) is float else _number(key, v) for key, v in metrics.items()}
        self._calls.append((values, step, time.time()))
        self.last_step = max(self.last_step, step)

    def add_aside(self, metrics: Mapping[str, float], step: int) -> None:
        """Accept metrics whose step counts something else than time steps."""
        self._calls.append((metrics, step, time.time()))

    def flush(self) -> None:
        """Write what was added so far, in this thread."""
        with self._writing:
            for points in self._groups():
                self._told = self.diverged_at
                self._write(points)
            if self.diverged_at != self._told:
                self._told = self.diverged_at
                self._write([])

    def close(self) -> None:
        """Write all and end the thread."""
        self._closing.set()
        if self._thread is not threading.current_thread():
            self._thread.join()
        self.flush()

    def _run(self) -> None:
        while not self._closing.wait(self._flush_seconds):
            self.flush()

    def _groups(self) -> Iterator[list[Point]]:
        """All that waits, as clean points: those of a call together, where they are not more than a group."""
        group: list[Point] = []
        for _ in range(len(self._calls)):
            values, step, seconds = self._calls.popleft()
            fresh = []
            for key, value in values.items():
                if math.isfinite(value):
                    fresh.append(Point(clean_name(key), value, int(seconds * 1000), step))
                else:
                    self.non_finite += 1
                    self.diverged_at = step if self.diverged_at is None else min(step, self.diverged_at)
            if group and len(group) + len(fresh) > BATCH_POINTS:
                yield group
                group = []
            group += fresh
            while len(group) > BATCH_POINTS:
                yield group[:BATCH_POINTS]
                group = group[BATCH_POINTS:]
        if group:
            yield group


def _number(key: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"metric {key!r} must be a number, got {type(value).__name__}") from None
