"""The process of a trial, `elman fit` on its finished recipe, and the line of messages to its search."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from elman.run.protocol import RUN_ID_VARIABLE, SOCKET_VARIABLE
from elman.search.workers.places import Lease
from elman.tracking.store import without_password

PROGRAM = (sys.executable, "-m", "elman", "fit")
END_SECONDS = 20.0  # what a process may take to end after its line has
REASON_BYTES = 20_000
RECEIVE_BYTES = 65536


class Line:
    """The search's end of a line: objects of JSON, one on each line, read without waiting.

    Args:
        connection: taken over.
    """

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._connection = connection
        self._received = b""

    def fileno(self) -> int:
        """For a selector."""
        return self._connection.fileno()

    def messages(self) -> Iterator[dict[str, Any] | None]:
        """What has come; None at the line's end."""
        while True:
            try:
                received = self._connection.recv(RECEIVE_BYTES)
            except BlockingIOError:
                return
            except OSError:
                received = b""
            if not received:
                yield None
                return
            *lines, self._received = (self._received + received).split(b"\n")
            yield from map(json.loads, lines)

    def send(self, **message: Any) -> None:
        """Send a short message; nothing happens if the other end is gone."""
        with suppress(OSError):
            self._connection.sendall(json.dumps(message).encode() + b"\n")

    def close(self) -> None:
        self._connection.close()


class Trial(Protocol):
    """A trial that runs, as its search sees it, on this machine or another."""

    run_id: str
    lease: Lease
    line: Line
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
    """

    def __init__(
        self, recipe: Path, output: Path, *, run_id: str, lease: Lease, program: Sequence[str], home: Path
    ) -> None:
        self.output, self.run_id, self.lease = output, run_id, lease
        self.began = time.monotonic()
        self.ended_in_order = False  # its message of the end has come
        ours, theirs = socket.socketpair()
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
        self.line = Line(ours)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def seconds(self) -> float:
        """Since it was started."""
        return time.monotonic() - self.began

    def answer(self, **message: Any) -> None:
        """Answer its last message."""
        self.line.send(**message)

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
        self.line.close()
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
                return without_password(line.removeprefix("elman: error: "))
        return without_password(lines[-1].strip()) if lines else "it printed nothing"
