"""A trial that runs somewhere on a Ray cluster, as its search sees it."""

from __future__ import annotations

import secrets
import selectors
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from elman.search.workers.line import Line
from elman.search.workers.places import Lease
from elman.search.workers.ray_node import ROUND_BYTES, Order

CALL_SECONDS = 0.5  # between two looks whether a task that has not called yet still may
GREETING_SECONDS = 10.0


class RayTrial:
    """A trial that Ray has been asked to run. The task calls back and speaks for the trial's process.

    A thread waits for that call and passes on what is said, so that a search may hear trials that still wait
    for a machine together with all others.

    Args:
        recipe, output, run_id, lease, program, home: as those of `TrialProcess`.
        task: of Ray, with what it takes of a machine.
        environment: variables for the trial's process.
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
        task: Any,
        environment: Mapping[str, str],
    ) -> None:
        import ray

        self.run_id, self.lease, self.ended_in_order = run_id, lease, False
        self._ray = ray
        self._began: float | None = None
        self._code, self._reason = 1, "it was never run"
        ours, self._theirs = socket.socketpair()
        self.line = Line(ours)
        here = ray.util.get_node_ip_address()
        self._server = socket.create_server((here, 0))
        self._server.settimeout(CALL_SECONDS)
        self._word = secrets.token_hex()
        order = Order(
            recipe=str(recipe),
            output=str(output),
            home=str(home),
            run_id=run_id,
            threads=lease.threads,
            program=tuple(program),
            environment=dict(environment),
            call=(here, self._server.getsockname()[1]),
            word=self._word,
        )
        self._task = task.remote(order)
        self._thread = threading.Thread(target=self._serve, name=f"elman-{run_id}", daemon=True)
        self._thread.start()

    @property
    def seconds(self) -> float:
        """Since its process was started."""
        return 0.0 if self._began is None else time.monotonic() - self._began

    def stop(self) -> None:
        """Ask it to end after its batch, with a checkpoint."""
        self._end("stop")

    def kill(self) -> None:
        """End it now."""
        self._end("kill")

    def wait(self) -> int:
        """Its exit code, once its task has ended; 1 if its machine was lost."""
        self._thread.join()
        self.line.close()
        return self._code

    def reason(self) -> str:
        """Why it failed."""
        return self._reason

    def _end(self, how: str) -> None:
        self.line.say(kind=how)
        if self._began is None:
            self._ray.cancel(self._task)  # it waits for a machine

    def _serve(self) -> None:
        """Until the task has ended; the end of the line says so."""
        try:
            call = self._called()
            if call is not None:
                self._began = time.monotonic()
                with call:
                    _pass_on(call, self._theirs)
            self._code, self._reason = self._ray.get(self._task)
        except self._ray.exceptions.RayError as error:
            self._reason = f"Ray has lost it: {str(error).strip().splitlines()[0]}"
        finally:
            self._server.close()
            self._theirs.close()

    def _called(self) -> socket.socket | None:
        """The task's call; None: it has ended without one."""
        while True:
            try:
                call, _ = self._server.accept()
            except TimeoutError:
                if self._ray.wait([self._task], timeout=0)[0]:
                    return None
                continue
            with suppress(OSError):
                call.settimeout(GREETING_SECONDS)
                word = call.recv(len(self._word), socket.MSG_WAITALL)
                if secrets.compare_digest(word, self._word.encode()):
                    call.settimeout(None)
                    return call
            call.close()


def _pass_on(call: socket.socket, search: socket.socket) -> None:
    """Both ways, until the task ends the call."""
    with selectors.DefaultSelector() as selector:
        selector.register(call, selectors.EVENT_READ, search)
        selector.register(search, selectors.EVENT_READ, call)
        while True:
            for key, _ in selector.select():
                said = b""
                with suppress(OSError):
                    said = key.fileobj.recv(ROUND_BYTES)  # type: ignore[union-attr]
                if said:
                    with suppress(OSError):
                        key.data.sendall(said)
                elif key.fileobj is call:
                    return
                else:  # the search has closed its end
                    selector.unregister(search)
                    with suppress(OSError):
                        call.shutdown(socket.SHUT_WR)
