"""Processes at work: how their messages are taken, and how a signal stops all of them."""

from __future__ import annotations

import queue
import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Generic, TypeVar

from elman.run.stop import SIGNALS
from elman.search.workers.trial_process import Trial

POLL_SECONDS = 0.5
BAD_INPUT_CODE = 2
LAST_RETRY_SECONDS = 15.0  # of each call to an unreachable store, when asked to stop

Key = TypeVar("Key")


class Processes(ABC, Generic[Key]):
    """What drives processes that each have a line to it; trials of a search, runs of a group.

    Args:
        runs: where they are recorded, with a `client` that tries again.

    `stopping` is the signal that asked for the end; 0: none.
    """

    def __init__(self, runs: Any) -> None:
        self.runs, self.stopping = runs, 0
        self._messages: queue.SimpleQueue[tuple[Key, dict[str, Any] | None]] = queue.SimpleQueue()

    @abstractmethod
    def at_work(self) -> list[Trial]:
        """Those that run."""

    @abstractmethod
    def take(self, key: Key, message: dict[str, Any] | None) -> None:
        """A message of a process, None after its last one."""

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take the signals, which only the main thread can; an error of our own kills what still runs."""
        before: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():
            before = {number: signal.signal(number, self._on_signal) for number in SIGNALS}
        try:
            yield
        finally:
            for process in self.at_work():
                process.kill()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        """The first signal lets them save themselves, the second ends them."""
        again, self.stopping = bool(self.stopping), number
        self.runs.client.seconds = LAST_RETRY_SECONDS
        for process in self.at_work():
            (process.kill if again else process.stop)()

    def wait(self) -> None:
        """For a message, and take all that have come."""
        seconds = POLL_SECONDS
        with suppress(queue.Empty):
            while True:
                self.take(*self._messages.get(timeout=seconds))
                seconds = 0.0
