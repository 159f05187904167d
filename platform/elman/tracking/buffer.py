"""Metrics on their way to the store: handed over in a microsecond, sent by a thread, each point once."""

from __future__ import annotations

import logging
import math
import threading
import time
from array import array
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from elman.tracking.params import clean_name
from elman.tracking.secrets import without_secrets
from elman.tracking.tags import DIVERGED_TAG, LAST_STEP_TAG

log = logging.getLogger(__name__)

BATCH_POINTS = 1000  # the most that MLflow takes in one call
LONGEST_PAUSE_SECONDS = 30.0
URGENT_PAUSE_SECONDS = 0.2  # between attempts while a caller waits in `flush`


class Point(NamedTuple):
    key: str
    value: float
    timestamp_ms: int
    step: int


class RefusedError(Exception):
    """The store will never take these points; sending them again is useless."""


class MetricBuffer:
    """Takes metrics from the training loop and sends them from a thread of its own.

    A point goes out exactly if the store does not hold its (key, step) yet. After a resume the steps
    between checkpoint and crash are computed again: those that arrived are skipped, those that were
    lost are sent, key by key. A tag with the last step alone could not tell the two apart, since
    the training and the validation metrics of one step come in separate calls.

    Args:
        send: store points and tags in one call; it raises `RefusedError`, or anything else to be tried
            again.
        stored_steps: the steps that the store holds for a key, asked once a key; None for a new run.
        last_step: last time step logged before a resume.
        diverged_at: first time step of a non-finite value before a resume.
        flush_seconds: time between two sends.
        bound: points kept while the store is unreachable; beyond it the oldest are dropped and counted.

    Cost: the caller pays for one append; memory holds 8 bytes for each point sent.
    """

    def __init__(
        self,
        send: Callable[[list[Point], dict[str, str]], None],
        *,
        stored_steps: Callable[[str], Iterable[int]] | None = None,
        last_step: int = -1,
        diverged_at: int | None = None,
        flush_seconds: float = 1.0,
        bound: int = 1_000_000,
    ) -> None:
        if flush_seconds <= 0:
            raise ValueError(f"flush_seconds must be positive, got flush_seconds={flush_seconds}")
        self._send, self._stored_steps = send, stored_steps
        self._flush_seconds, self._bound = flush_seconds, bound
        self._calls: deque[tuple[dict[str, Any], int, float]] = deque()  # from the caller, untouched
        self._groups: deque[list[Point]] = deque()  # the points of one call stay together
        self._known: dict[str, array[int]] = {}  # sorted steps that the store holds, by key
        self.last_step, self._sent_last_step = last_step, last_step
        self.diverged_at, self._sent_diverged_at = diverged_at, diverged_at
        self.non_finite = self.lost = self.failures = 0
        self._warned: set[str] = set()
        self._in_row = 0  # failures since the last success
        self._taken = 0  # calls accepted
        self._done = 0  # calls sent, skipped or dropped
        self._pending = 0  # calls moved to `_groups` but not done
        self._change = threading.Condition()
        self._wake = threading.Event()
        self._waiters = 0
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="elman-metrics", daemon=True)
        self._thread.start()

    def add(self, metrics: Mapping[str, Any], step: int) -> None:
        """Accept the metrics of one time step. Tensors are read now: they may change before they are sent."""
        values = {key: v if type(v) is float else _number(key, v) for key, v in metrics.items()}
        self._calls.append((values, step, time.time()))
        self._taken += 1
        self.last_step = max(self.last_step, step)

    def flush(self, timeout: float = 30.0) -> bool:
        """Wait until everything added so far is stored; False if `timeout` seconds did not suffice."""
        target = self._taken
        if not self._thread.is_alive():  # closed, or a forked child, where threads do not go
            return self._done >= target
        with self._change:
            self._waiters += 1
            self._wake.set()
            try:
                return self._change.wait_for(lambda: self._done >= target, timeout)
            finally:
                self._waiters -= 1

    def close(self, timeout: float = 30.0) -> bool:
        """Flush and end the thread. What could not be sent in time is counted as lost and warned of."""
        arrived = self.flush(timeout)
        self._closing = True
        self._wake.set()
        if arrived:
            self._thread.join(timeout)
        else:
            self.lost += sum(len(group) for group in list(self._groups))
            self.lost += sum(len(values) for values, _, _ in list(self._calls))
        if self.lost:
            log.warning("%d metric points did not reach the tracking store", self.lost)
        return arrived

    def _run(self) -> None:
        while not self._closing:
            self._wake.wait(self._pause())
            self._wake.clear()
            self._take_in()
            while self._groups and self._send_batch():
                pass
            with self._change:
                if not self._groups:
                    self._done += self._pending
                    self._pending = 0
                self._change.notify_all()

    def _pause(self) -> float:
        if self._waiters:
            return URGENT_PAUSE_SECONDS
        return min(self._flush_seconds * 2**self._in_row, max(LONGEST_PAUSE_SECONDS, self._flush_seconds))

    def _take_in(self) -> None:
        """Move the caller's metrics into groups of clean points."""
        for _ in range(len(self._calls)):
            values, step, seconds = self._calls.popleft()
            self._pending += 1
            group = []
            for key, value in values.items():
                if math.isfinite(value):
                    group.append(Point(clean_name(key), value, int(seconds * 1000), step))
                else:
                    self.non_finite += 1
                    self.diverged_at = step if self.diverged_at is None else min(step, self.diverged_at)
            self._groups.extend(group[i : i + BATCH_POINTS] for i in range(0, len(group), BATCH_POINTS))
        excess = sum(map(len, self._groups)) - self._bound
        while excess > 0:
            dropped = len(self._groups.popleft())
            excess, self.lost = excess - dropped, self.lost + dropped
        if self.diverged_at != self._sent_diverged_at and not self._groups:
            self._groups.append([])  # the tag alone

    def _send_batch(self) -> bool:
        """Send whole groups, at most 1,000 points; keep them where that failed. True: go on."""
        taken = size = 0
        for group in self._groups:
            if taken and size + len(group) > BATCH_POINTS:
                break
            taken, size = taken + 1, size + len(group)
        try:
            fresh: dict[tuple[str, int], Point] = {}
            for point in (point for group in list(self._groups)[:taken] for point in group):
                if not self._is_known(point.key, point.step):
                    fresh.setdefault((point.key, point.step), point)
            points = list(fresh.values())
            last = max([self._sent_last_step, *(point.step for point in points)])
            tags = {LAST_STEP_TAG: str(last)} if points and last != self._sent_last_step else {}
            if self.diverged_at != self._sent_diverged_at:
                tags[DIVERGED_TAG] = str(self.diverged_at)
            if points or tags:
                self._send(points, tags)
            self._sent_last_step, self._sent_diverged_at = last, self.diverged_at
            for point in points:
                insort(self._known[point.key], point.step)
            self._in_row = 0
        except RefusedError as error:
            self.lost += size
            self._warn_once("refused", f"the tracking store refused {size} metric points: {error}")
            self._sent_diverged_at = self.diverged_at  # not to offer it forever
        except Exception as error:
            self.failures += 1
            self._in_row += 1
            self._warn_once("failed", f"the tracking store does not take metrics, trying on: {error}")
            return False
        for _ in range(taken):
            self._groups.popleft()
        return True

    def _is_known(self, key: str, step: int) -> bool:
        if key not in self._known:
            steps = self._stored_steps(key) if self._stored_steps else ()
            self._known[key] = array("q", sorted(set(steps)))
        known = self._known[key]
        if not known or step > known[-1]:
            return False
        return known[bisect_left(known, step)] == step

    def _warn_once(self, kind: str, message: str) -> None:
        if kind not in self._warned:
            self._warned.add(kind)
            log.warning("%s", without_secrets(message.splitlines()[0]))


def _number(key: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"metric {key!r} must be a number, got {type(value).__name__}") from None
