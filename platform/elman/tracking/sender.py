"""From a spool to the store, in order: beside the run, or by whoever finds a spool that was left."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from elman.errors import BadInput
from elman.tracking.buffer import BATCH_POINTS, Point
from elman.tracking.retry import reason
from elman.tracking.spool import Entry, Spool
from elman.tracking.store import first_line
from elman.tracking.store_file import StoreFile, let_go
from elman.tracking.writer import RunWriter

log = logging.getLogger(__name__)

KINDS = ("running", "params", "tags", "files", "dataset", "model", "status")
"""Kinds of entries, metrics aside: the method of `RunWriter` that takes one."""
ENTRIES_AT_ONCE = 100
LONGEST_PAUSE_SECONDS = 30.0
URGENT_PAUSE_SECONDS = 0.2  # between attempts while a caller waits
QUIET_SECONDS = 5.0  # of waiting, before the user is told


stuck: list[threading.Thread] = []
"""Threads that were left in the middle of a call to a store: the program must not wait for them to end."""


class RefusedError(Exception):
    """The store will never take this entry; sending it again is useless."""


class Sender:
    """Sends a spool's entries, each until it has arrived.

    Args:
        spool: where they come from.
        connect: the writer of the run in the store; called until it does not raise, from the sending thread.
        uri: of the store.
        flush_seconds: time between two looks into the spool.
    """

    def __init__(
        self, spool: Spool, connect: Callable[[], RunWriter], uri: str, *, flush_seconds: float = 1.0
    ) -> None:
        self.spool, self._connect, self._flush_seconds = spool, connect, flush_seconds
        self._file = StoreFile(uri)
        self._writer: RunWriter | None = None
        self.refused = 0
        self.failure = ""
        """Why the last attempt failed; "": it did not."""
        self._in_row = 0  # failures since the last success
        self._sent_at = time.monotonic()
        self._change = threading.Condition()
        self._wake, self._closing, self._waiters = threading.Event(), threading.Event(), 0
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Send from a thread of its own, until `close`."""
        self._thread = threading.Thread(target=self._run, name="elman-sender", daemon=True)
        self._thread.start()

    def wait(self, patience: float, *, most: float = float("inf")) -> bool:
        """Wait until all has arrived; False if nothing did for `patience` seconds, or not all in `most`."""
        began = self._sent_at = time.monotonic()
        said = False
        with self._change:
            self._waiters += 1
            try:
                while left := len(self.spool):
                    now = time.monotonic()
                    if now - self._sent_at > patience or now - began > most:
                        return False
                    if now - began > QUIET_SECONDS and not said and not self.failure:
                        log.warning("%d entries of the run are still on their way to the store", left)
                        said = True
                    self._wake.set()
                    self._change.wait(0.05)
                return True
            finally:
                self._waiters -= 1

    def close(self) -> bool:
        """End the thread; False if it is in the middle of a call that does not return."""
        self._closing.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(0.5)
            if self._thread.is_alive():
                stuck.append(self._thread)
        return self._thread is None or not self._thread.is_alive()

    def send_all(self) -> None:
        """Send what there is from this thread.

        Raises:
            Exception: of the store, when it does not answer.
        """
        while self._send_some():
            pass

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wake.wait(self._pause())
            self._wake.clear()
            try:
                self.send_all()
                if self._closing.is_set():
                    return
                if self._in_row > 1:
                    log.warning("the tracking store answers again: what waited has been sent")
                self._in_row, self.failure = 0, ""
            except Exception as error:
                self._in_row += 1
                self.failure = reason(error)
                if self._in_row == 2:  # not for a hiccup
                    log.warning("%s: records wait on the disk", self.failure)

    def _pause(self) -> float:
        if self._waiters:
            return URGENT_PAUSE_SECONDS
        grown = self._flush_seconds * 2 ** min(self._in_row, 10)
        return min(grown, max(LONGEST_PAUSE_SECONDS, self._flush_seconds))

    def _send_some(self) -> bool:
        """Send the oldest entries, at most 1,000 points of metrics together. False: there were none."""
        if self._closing.is_set():
            return False
        entries = _together(self.spool.first(ENTRIES_AT_ONCE))
        if not entries:
            return False
        if not self._file.is_same() and self._writer is not None:
            let_go(self._writer.client)
            self._writer = None
        if self._writer is None:
            self._writer = self._connect()
            self._file.remember()
        try:
            self._send(self._writer, entries)
        except Exception as error:
            if not _is_refused(error, self._writer):
                raise
            self.refused += 1
            log.warning("the tracking store refused %s: %s", entries[0].kind, first_line(error))
        self.spool.arrived(entries)
        self._sent_at = time.monotonic()
        with self._change:
            self._change.notify_all()
        return True

    def _send(self, writer: RunWriter, entries: Sequence[Entry]) -> None:
        kind, body = entries[0].kind, dict(entries[0].body)
        if kind == "metrics":
            points = [Point(*point) for entry in entries for point in entry.body["points"]]
            writer.metrics(points, entries[-1].body.get("diverged_at"))
            return
        if kind not in KINDS:
            raise RefusedError(f"this version of elman does not know entries of the kind {kind!r}")
        if "files" in body:
            assert self.spool.folder is not None, "a spool in memory keeps no files"
            body["path"] = self.spool.folder / body.pop("files")
            if not body["path"].is_dir():
                raise RefusedError(f"{body['path']} is not there any more")
        getattr(writer, kind)(**body)


def _together(entries: list[Entry]) -> list[Entry]:
    """The first entries that one call can send: metrics that follow one another, or a single other one."""
    taken = points = 0
    for entry in entries:
        points += len(entry.body["points"]) if entry.kind == "metrics" else BATCH_POINTS + 1
        if taken and points > BATCH_POINTS:
            break
        taken += 1
    return entries[:taken]


def _is_refused(error: Exception, writer: RunWriter) -> bool:
    """Whether the store has looked at an entry and will not have it, as long as the run itself is there."""
    if isinstance(error, RefusedError | TypeError):  # of a kind, or with arguments, of another version
        return True
    if getattr(error, "error_code", "") != "INVALID_PARAMETER_VALUE":
        return False
    found: Any = writer.client.get_run(writer.id)  # raises if it is gone: what is recorded waits for it
    if found.info.lifecycle_stage == "deleted":
        raise BadInput(f"run {writer.id} was deleted; restore it in MLflow") from error
    return True
