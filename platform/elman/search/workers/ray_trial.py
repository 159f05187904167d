"""A trial on a Ray cluster: an actor that holds its process, and that actor as the search sees it.

Ray imports this file in each of its workers, so it imports nothing that takes long.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from elman import __version__
from elman.search.workers.places import Lease
from elman.search.workers.trial_process import Receive, TrialProcess


class RemoteTrial:
    """An actor of Ray: the process of a trial, started on the machine that Ray has found for it.

    Whatever ends this actor ends the trial's process too: the connection between them breaks.

    Args:
        environment: variables that the process needs.
        threads: of the process; Ray has set the GPUs that it may use.
        recipe, output, process: as those of `TrialProcess`.
    """

    def __init__(
        self, recipe: Path, output: Path, *, threads: int, environment: Mapping[str, str], **process: Any
    ) -> None:
        os.environ.update(environment)
        self._messages: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        lease = Lease(place=0, gpus=(), threads=threads)
        self._process = TrialProcess(recipe, output, lease=lease, receive=self._messages.put, **process)

    def messages(self) -> Iterator[dict[str, Any]]:
        """All messages of the process; the last one is its exit code, and why it failed if it did."""
        while (message := self._messages.get()) is not None:
            yield message
        code = self._process.wait()
        yield {"code": code, "reason": self._process.reason() if code else ""}

    def answer(self, **message: Any) -> None:
        self._process.answer(**message)

    def stop(self) -> None:
        self._process.stop()

    def kill(self) -> None:
        self._process.kill()


class RayTrial:
    """A trial that Ray has been asked to run, which may wait for a machine.

    Args:
        recipe, output, run_id, lease, receive, process: as those of `TrialProcess`.
        actor: `RemoteTrial` of Ray, with what it takes of a machine.
        environment: variables for the trial's process.
    """

    def __init__(
        self,
        recipe: Path,
        output: Path,
        *,
        run_id: str,
        lease: Lease,
        receive: Receive,
        actor: Any,
        environment: Mapping[str, str],
        **process: Any,
    ) -> None:
        import ray

        self.run_id, self.lease, self.ended_in_order = run_id, lease, False
        self._ray, self._receive = ray, receive
        self._began: float | None = None
        self._code, self._reason = 1, "it was never run"
        self._actor = actor.remote(
            recipe, output, run_id=run_id, threads=lease.threads, environment=environment, **process
        )
        self._thread = threading.Thread(target=self._pass_on, name=f"elman-{run_id}", daemon=True)
        self._thread.start()

    @property
    def seconds(self) -> float:
        """Since its process was started."""
        return 0.0 if self._began is None else time.monotonic() - self._began

    def answer(self, **message: Any) -> None:
        """Answer its last message."""
        self._actor.answer.remote(**message)

    def stop(self) -> None:
        """Ask it to end after its batch, with a checkpoint."""
        if self._began is None:
            self._ray.kill(self._actor)  # it waits for a machine
        else:
            self._actor.stop.remote()

    def kill(self) -> None:
        """End it now."""
        if self._began is None:
            self._ray.kill(self._actor)
        else:
            self._actor.kill.remote()

    def wait(self) -> int:
        """Its exit code, once its process has ended; 1 if its machine was lost."""
        self._thread.join()
        self._ray.kill(self._actor)  # its place on the machine is free
        return self._code

    def reason(self) -> str:
        """Why it failed."""
        return self._reason

    def _pass_on(self) -> None:
        """Its messages, until the process has ended, or its actor."""
        try:
            self._ray.get(self._actor.__ray_ready__.remote())
            self._began = time.monotonic()
            for each in self._actor.messages.remote():
                message = self._ray.get(each)
                if "code" in message:
                    self._code, self._reason = message["code"], message["reason"]
                else:
                    self._receive(message)
        except self._ray.exceptions.RayError as error:
            self._reason = f"Ray has lost it: {str(error).strip().splitlines()[0]}"
        finally:
            self._receive(None)


def unfit(probe: str, word: str, version: str) -> str:
    """A task of Ray: why this machine cannot run trials; "": it can.

    Args:
        probe: a file in the search's folder that holds `word`.
        version: of elman, where the search runs.
    """
    if version != __version__:
        return f"machine {os.uname().nodename} has elman {__version__}, this one {version}; install the same"
    with suppress(OSError):
        if Path(probe).read_text(encoding="utf-8") == word:
            return ""
    return (
        f"machine {os.uname().nodename} does not see {Path(probe).parent} as this one does; "
        "search in a folder that all machines share"
    )
