"""What a machine of a Ray cluster does for a search: it runs a trial's process and speaks for it.

Ray imports this file in each of its workers, so it imports nothing that takes long.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from elman import __version__
from elman.search.workers.places import Lease
from elman.search.workers.trial_process import TrialProcess

ROUND_BYTES = 65536
CALL_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Order:
    """A trial to run.

    Args:
        recipe, output, home, run_id, program: as those of `TrialProcess`.
        threads: of its process.
        environment: variables that its process needs.
        call: host and port where the search hears it.
        word: said first there, so that the search knows who calls.
    """

    recipe: str
    output: str
    home: str
    run_id: str
    threads: int
    program: tuple[str, ...]
    environment: dict[str, str]
    call: tuple[str, int]
    word: str


def run_trial(order: Order) -> tuple[int, str]:
    """A task of Ray: run a trial to its end; its exit code, and why it failed if it did.

    Whatever ends this process ends the trial's too: the line between them breaks.
    """
    os.environ.update(order.environment)
    with socket.create_connection(order.call, timeout=CALL_SECONDS) as search:
        search.settimeout(None)
        search.sendall(order.word.encode())
        process = TrialProcess(
            Path(order.recipe),
            Path(order.output),
            run_id=order.run_id,
            lease=Lease(place=0, gpus=(), threads=order.threads),  # Ray has set the GPUs that it may see
            program=order.program,
            home=Path(order.home),
        )
        try:
            _pass_on(search, process)
        except BaseException:
            process.kill()
            raise
        code = process.wait()
    return code, process.reason() if code else ""


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


def _pass_on(search: socket.socket, process: TrialProcess) -> None:
    """Both ways until the trial ends its line, obeying what is meant for this process.

    A search that ends its side, or is gone, stops the trial.
    """
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(search, selectors.EVENT_READ)
        selector.register(process.line, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is process.line:
                    for message in process.line.messages():
                        if message is None:
                            return
                        with suppress(OSError):
                            search.sendall(json.dumps(message).encode() + b"\n")
                    continue
                said = b""
                with suppress(OSError):
                    said = search.recv(ROUND_BYTES)
                if not said:
                    selector.unregister(search)
                    process.line.hang_up()
                *lines, rest = (rest + said).split(b"\n")
                for line in lines:
                    _obey(json.loads(line), process)


def _obey(message: dict[str, object], process: TrialProcess) -> None:
    if message.get("kind") == "stop":
        process.stop()
    elif message.get("kind") == "kill":
        process.kill()
    else:
        process.line.say(**message)
