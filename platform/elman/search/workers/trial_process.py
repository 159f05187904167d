"""The process of a trial, `elman fit` on its finished recipe, and its messages to the search."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from elman.run.protocol import RUN_ID_VARIABLE, SOCKET_VARIABLE
from elman.search.workers.places import Lease
from elman.tracking.secrets import without_secrets

PROGRAM = (sys.executable, "-m", "elman", "fit")
END_SECONDS = 20.0  # what a process may take to end after its line has
REASON_BYTES = 20_000

Receive = Callable[[dict[str, Any] | None], None]
"""Takes each message of a trial, and None after the last one; called from a thread of the trial."""


class Trial(Protocol):
    """A trial that runs, as its search sees it, on this machine or another."""

    run_id: str
    lease: Lease
    ended_in_order: bool

    @property
    def seconds(self) -> float: ...
    def answer(self, **message: Any) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...
    def wait(self) -> int: ...
    def reason(self) -> str: ...


class TrialProcess:
    """A trial that runs on this machine.

    It has a session of its own, so that Ctrl-C reaches the search alone, and that all its processes can be
    ended together.

    Args:
        recipe: file of the finished recipe.
        output: file that gets what the process prints.
        run_id: its run in MLflow.
        lease: where it runs.
        program: what it runs, before the recipe's file.
        home: its working folder.
        receive: takes its messages.
    """

    def __init__(
        self,
        recipe: Path,
        output: Path,
        *,
        run_id: str,
        lease: Lease,
        program: Sequence[str],
        home: Path,
        receive: Receive,
    ) -> None:
        self.output, self.run_id, self.lease = output, run_id, lease
        self.began = time.monotonic()
        self.ended_in_order = False  # its message of the end has come
        self.connection, theirs = socket.socketpair()
        environment = {
            **os.environ,
            SOCKET_VARIABLE: str(theirs.fileno()),
            RUN_ID_VARIABLE: run_id,
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(lease.threads)),
            "PYTHONUNBUFFERED": "1",
        }
        if lease.gpus or lease.hides_gpus:
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(lease.gpus)
        with output.open("ab") as file:
            self._process = subprocess.Popen(
                [*program, str(recipe)],
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=environment,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        theirs.close()
        self._receive = receive
        threading.Thread(target=self._read, name=f"elman-{run_id}", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def seconds(self) -> float:
        """Since it was started."""
        return time.monotonic() - self.began

    def answer(self, **message: Any) -> None:
        """Answer its last message; nothing happens if it has ended."""
        with suppress(OSError):
            self.connection.sendall(json.dumps(message).encode() + b"\n")

    def stop(self) -> None:
        """Ask it to end after its batch, with a checkpoint."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it and all its processes now."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Its exit code, once nothing of it is left; negative: the signal that killed it."""
        try:
            code = self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            code = self._process.wait()
        self.kill()  # processes that it has started and left
        self.connection.close()
        return code

    def reason(self) -> str:
        """Why it failed: the line it has printed for its user, else the last one."""
        try:
            with self.output.open("rb") as file:
                file.seek(max(0, self.output.stat().st_size - REASON_BYTES))
                lines = file.read().decode(errors="replace").strip().splitlines()
        except OSError:
            lines = []
        for line in reversed(lines):
            if line.startswith("elman: error: "):
                return without_secrets(line.removeprefix("elman: error: "))
        return without_secrets(lines[-1].strip()) if lines else "it printed nothing"

    def _read(self) -> None:
        """Objects of JSON, a line each, until its end of the connection is closed."""
        with suppress(OSError), self.connection.makefile("r", encoding="utf-8") as lines:
            for line in lines:
                if line.endswith("\n"):  # a killed process may leave half of one
                    self._receive(json.loads(line))
        self._receive(None)
