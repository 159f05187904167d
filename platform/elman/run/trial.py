"""A run that a search has started: it reports after each validation, and asks whether to go on."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import threading
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl

from elman.diagnostics.diagnostic import Diagnostic
from elman.run.parallel import is_first_process
from elman.run.protocol import RUN_ID_VARIABLE, SOCKET_VARIABLE
from elman.run.stop import Stopped

GRACE_SECONDS = 30.0  # what a trial whose search has died may take to end in order


class Pruned(Stopped):
    """The search has decided against this run."""

    def __init__(self) -> None:
        super().__init__(signal.SIGTERM, in_order=True)


class SearchClient:
    """A trial's connection to the search that started it.

    Messages are objects of JSON, a line each. A line that ends means that the search has died: the trial
    then stops as at SIGTERM, so that no process is left behind and its checkpoint is good to go on from.
    """

    def __init__(self, connection: socket.socket, *, run_id: str) -> None:
        self.run_id = run_id
        self._connection = connection
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._closed = threading.Event()
        threading.Thread(target=self._listen, name="elman-search-client", daemon=True).start()

    @classmethod
    def present(cls) -> SearchClient | None:
        """The search that started this process; None: none did, or it is not the first of its run."""
        number, run_id = os.environ.get(SOCKET_VARIABLE), os.environ.get(RUN_ID_VARIABLE)
        if not (number and run_id and is_first_process()):
            return None
        del os.environ[SOCKET_VARIABLE]  # not for the processes that this one starts
        return cls(socket.socket(fileno=int(number)), run_id=run_id)

    def send(self, **message: Any) -> None:
        """Send a message that needs no answer."""
        try:
            self._connection.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            self._closed.set()

    def request(self, **message: Any) -> dict[str, Any]:
        """Send a message and wait for the answer; {}: the search has ended."""
        self.send(**message)
        while not self._closed.is_set():
            try:
                return self._answers.get(timeout=0.2)
            except queue.Empty:
                continue
        return {}

    def end(self, *, time_steps: int, metrics: Mapping[str, float]) -> None:
        """Report that all is done and recorded; the search may now end without ending this process."""
        self.send(kind="end", time_steps=time_steps, figures=dict(metrics))
        self._closed.set()

    def _listen(self) -> None:
        try:
            for line in self._connection.makefile("r", encoding="utf-8"):
                self._answers.put(json.loads(line))
        except OSError:
            pass
        if self._closed.is_set():
            return
        self._closed.set()
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):  # in order, at once, by force
            os.kill(os.getpid(), number)
            threading.Event().wait(GRACE_SECONDS)


class Reports(pl.Callback):
    """Keeps the metrics of the last validation for the search, also in the checkpoint that follows.

    A report names its rung: the time steps rounded to the distance of two validations, which is the same for
    trials whose batches differ in size, so that trials are compared at equal time steps. A run that goes on
    sends its last report again: the search may have died before it took it.

    Args:
        search: on the first process; None on the others.
        every: time steps between two validations.
    """

    def __init__(self, search: SearchClient | None, *, every: int) -> None:
        self.search, self.every = search, every
        self.last: dict[str, Any] | None = None

    def on_train_start(self, trainer: pl.Trainer, task: Any) -> None:
        if self.last is not None:
            self.send(trainer)

    def on_validation_end(self, trainer: pl.Trainer, task: Any) -> None:
        if trainer.state.fn == "fit":
            self.last = {
                "time_steps": task.time_steps,
                "rung": rung(task.time_steps, self.every),
                "figures": reported(trainer),
            }

    def send(self, trainer: pl.Trainer) -> None:
        """Send the last report, and stop if the search prunes."""
        prune = False
        if self.search is not None and self.last is not None:
            prune = bool(self.search.request(kind="report", **self.last).get("prune"))
        if trainer.world_size > 1:
            prune = bool(trainer.strategy.broadcast(prune))
        if prune and not trainer.should_stop:
            raise Pruned

    def state_dict(self) -> dict[str, Any]:
        return {"last": self.last}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.last = state_dict["last"]


class ReportCallback(pl.Callback):
    """Sends each report once the checkpoint with it is written."""

    def __init__(self, reports: Reports) -> None:
        self.reports = reports

    def on_validation_end(self, trainer: pl.Trainer, task: Any) -> None:
        if trainer.state.fn == "fit":
            self.reports.send(trainer)


def rung(time_steps: int, every: int) -> int:
    """The multiple of `every` nearest to `time_steps`, at least one."""
    return max(1, round(time_steps / every)) * every


def reported(trainer: Any) -> dict[str, float]:
    """The metrics of validation, of cost, and of whatever else is measured on the run."""
    names = {"val", *(one.name for one in trainer.callbacks if isinstance(one, Diagnostic))}
    return {k: float(v) for k, v in trainer.callback_metrics.items() if k.partition("/")[0] in names}
