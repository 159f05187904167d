"""What a run records, on its way from the call that records it to the store."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from elman.tracking import system
from elman.tracking.beginning import Begun, leave
from elman.tracking.buffer import MetricBuffer, Point
from elman.tracking.sender import Sender
from elman.tracking.unsent import forget

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 10.0  # without an arrival, after which a run that ended well leaves the rest to `sync`
LAST_SECONDS = 4.5  # in all, of a run that did not end well: Lightning kills it 5 s after another rank died


def recording(begun: Begun, uri: str, *, seconds: float, system_metrics: bool) -> Recording:
    """A run's recording; where it is stopped before it stands, the run has ended."""
    try:
        return Recording(begun, uri, flush_seconds=seconds, system_metrics=system_metrics)
    except BaseException:
        leave(begun.spool)
        raise


class Recording:
    """A run that is being written: metrics in memory, a record on the disk, all on its way to the store.

    Args:
        begun: the run.
        uri: of the store.
        flush_seconds: time between two sends of metrics.
        system_metrics: measure this machine, too.
    """

    def __init__(self, begun: Begun, uri: str, *, flush_seconds: float, system_metrics: bool) -> None:
        about = begun.spool.about
        self.spool, self.status = begun.spool, "RUNNING"
        self.is_closed = self._told = False
        self._leave_by = float("inf")
        self._monitor: system.SystemMonitor | None = None
        self._sender = Sender(begun.spool, begun.connect, uri, flush_seconds=flush_seconds)
        self._buffer = MetricBuffer(
            self._keep,
            last_step=about.get("last_step", -1),
            diverged_at=about.get("diverged_at"),
            flush_seconds=flush_seconds,
        )
        self.add = self._buffer.add
        self._sender.start()
        if system_metrics:
            self._monitor = system.SystemMonitor(self._buffer.add_aside, first=about.get("samples", 0))
            self._monitor.start()

    @property
    def last_step(self) -> int:
        """The last time step logged, before a resume included; -1 if none."""
        return self._buffer.last_step

    def append(self, kind: str, **body: Any) -> None:
        """Record something else than metrics; a kind that `Sender` knows."""
        self.spool.append(kind, body)

    @contextmanager
    def artifact(self, *names: str) -> Iterator[Path]:
        """Where to write what becomes an artifact of this name when the block ends."""
        with self.spool.files() as (folder, name):
            place = folder.joinpath(*names)
            if not place.resolve().is_relative_to(folder.resolve()):
                raise ValueError(f"{'/'.join(names)!r} is outside the run's artifacts")
            place.parent.mkdir(parents=True, exist_ok=True)
            yield place
            self.append("files", files=name)

    def model(self, save: Callable[[Path], None], metrics: Mapping[str, float], **about: Any) -> None:
        """Record a model that `save` writes to a folder, which it makes."""
        self.flush()  # what it reached is linked with the points that the run has
        with self.spool.files() as (place, files):
            place.rmdir()
            save(place)
            self.append("model", files=files, metrics=dict(metrics), **about)

    def flush(self) -> None:
        """Put the points logged so far on the disk."""
        if self.is_closed:
            return
        self._buffer.flush()
        if self.spool.failure and not self._told:
            self._told = True
            log.warning(
                "%s: what is recorded waits in memory, since %s", self.spool.folder, self.spool.failure
            )

    def measure_also(self, read: Callable[[], dict[str, float]]) -> None:
        """Take what `read` gives with every sample of system metrics, if there are any."""
        if self._monitor is not None:
            self._monitor.also = read

    def deliver(self, seconds: float) -> bool:
        """Wait until the store has all; False if it did not take it in `seconds`."""
        self.flush()
        return self._sender.wait(seconds, most=seconds)

    def end(self, status: str) -> None:
        """Record how the run has ended, in MLflow's words."""
        if self.status == status:
            return
        if status != "FINISHED":
            self._leave_by = min(self._leave_by, time.monotonic() + LAST_SECONDS)
        self.status = status
        about = {"status": status, "ended_ms": int(time.time() * 1000), "non_finite": self._buffer.non_finite}
        self.spool.append("status", about, {"finished": status == "FINISHED"})

    def close(self, status: str) -> None:
        """Send what waits and end the run; what the store does not take soon is left to `elman sync`."""
        if self._monitor is not None:
            self._monitor.close()
        self._buffer.close()
        self.end(status)
        well = status == "FINISHED"
        left = float("inf") if well else self._leave_by - time.monotonic()
        sent = self._sender.wait(min(PATIENCE_SECONDS, left), most=left)
        idle = self._sender.close()
        self.is_closed = True
        self._say_what_is_left()
        if sent and self.spool.folder is not None:
            forget(self.spool.folder)
        if sent and well:
            self.spool.remove()
        elif idle:
            self.spool.close()

    def _keep(self, points: list[Point]) -> None:
        """Of the buffer's thread."""
        known = {"last_step": self._buffer.last_step, "diverged_at": self._buffer.diverged_at}
        if self._monitor is not None:
            known["samples"] = self._monitor.next
        self.spool.append("metrics", {"points": points, "diverged_at": self._buffer.diverged_at}, known)

    def _say_what_is_left(self) -> None:
        """What the user has to know of a record that the store does not have whole."""
        if left := len(self.spool):
            why = self._sender.failure or "the tracking store is slow"
            where = self.spool.folder
            log.warning(
                "%s: %d entries of the run's record wait in %s; `elman sync` sends them", why, left, where
            )
        lost = {
            "were refused by the tracking store": self._sender.refused,
            "were damaged on the disk": self.spool.damaged,
            "found room neither on the disk nor in memory": self.spool.dropped,
        }
        for what, count in lost.items():
            if count:
                log.warning("%d entries of this run's record %s and are lost", count, what)
