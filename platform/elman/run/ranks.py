"""What the processes of a run tell each other beside training: what the first decided, who ended, and why."""

from __future__ import annotations

import atexit
import functools
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from lightning_fabric.plugins.environments import SLURMEnvironment

from elman.errors import BadInput
from elman.run.launched import Launch

PAUSE_SECONDS = 0.02
CONNECT_SECONDS = 600.0  # machines of a cluster may start minutes apart
SAID_SECONDS = 30.0  # what a process that refuses waits for the first one to print it
LINGER_SECONDS = 5.0  # what the first one, which holds what they read, stays for the others
FIRST_PORT, PORTS = 15000, 30000


class Left(RuntimeError):  # noqa: N818  (it is no mistake of this process)
    """Another process of the run has ended, and left no reason that the user could mend."""


class Ranks:
    """The processes of a run, which share a few words before and beside training.

    Args:
        rank: of this one, from 0.
        size: how many there are; one alone needs no store.
        local_rank: of this one on its machine.
        store: that all of them reach.
        hosts: whether this process holds what is in the store.
    """

    def __init__(
        self,
        rank: int = 0,
        size: int = 1,
        store: dist.Store | None = None,
        *,
        local_rank: int = 0,
        hosts: bool = False,
    ) -> None:
        self.rank, self.size, self.local_rank, self.hosts = rank, size, local_rank, hosts
        self._store = store
        self._count = 0  # the same on all, as all go the same way

    def share(self, decide: Callable[[], Any]) -> Any:
        """What the first process decides, on all of them.

        Args:
            decide: called on the first alone; returns plain values, as JSON has them.

        Raises:
            BadInput: if a process has refused to go on.
            Left: if one has ended in another way.
        """
        if self._store is None:
            return decide()
        self._count += 1
        key = f"shared/{self._count}"
        if self.rank == 0:
            value = decide()
            self._store.set(key, json.dumps(value))
            return value
        self._until(lambda: self.has(key))
        return json.loads(self._store.get(key))

    def meet(self) -> None:
        """Wait until all are here; errors as of `share`."""
        if self._store is None:
            return
        self._count += 1
        key = f"met/{self._count}"
        self._store.add(key, 1)
        self._until(lambda: self._added(key, 0) == self.size)

    @contextmanager
    def one_a_machine_first(self) -> Iterator[None]:
        """Let the first of each machine do something before its others do, which find it done."""
        if self.local_rank:
            self.meet()
        yield
        if not self.local_rank:
            self.meet()

    def join(self, device: torch.device) -> None:
        """Begin to sum over all of them, where Lightning finds it begun.

        By itself it would meet in the launcher's own store, where after torchrun's restart the addresses of
        the processes before still stand: all would wait for ever.

        Args:
            device: that this one trains on.
        """
        if self._store is None or dist.is_initialized():
            return
        gpu = device if device.type == "cuda" else None
        if gpu is not None:
            torch.cuda.set_device(gpu)
            atexit.register(_leave)
        dist.init_process_group(
            "gloo" if gpu is None else "nccl",
            store=dist.PrefixStore("group", self._store),
            rank=self.rank,
            world_size=self.size,
            device_id=gpu,
        )

    def end(self, line: str = "") -> None:
        """Tell the others that this process ends the run; the first word stays.

        Args:
            line: what the user can mend.
        """
        if self._store is not None:
            with suppress(RuntimeError):  # the store has gone with the process that held it
                self._store.compare_set("ended", "", json.dumps([self.rank, line]))

    def refusal(self) -> str | None:
        """What a process has refused; None: none has."""
        with suppress(RuntimeError):  # the store has gone with the process that held it
            if self._store is not None and self.has("ended"):
                return str(json.loads(self._store.get("ended"))[1]) or None
        return None

    @contextmanager
    def refusing(self, line: str) -> Iterator[bool]:
        """Whether this process prints the refusal: the first does, and any if the first does not."""
        self.end(line)
        if self.rank == 0:
            yield True
            self._say()
            return
        yield not self._within(SAID_SECONDS, lambda: self.has("said"))
        with suppress(RuntimeError):
            self._added("gone", 1)

    def _say(self) -> None:
        if self._store is None:
            return
        with suppress(RuntimeError):
            self._store.set("said", "1")
        if self.hosts:
            self._within(LINGER_SECONDS, lambda: self._added("gone", 0) == self.size - 1)

    def has(self, key: str) -> bool:
        """Whether a word has been left; `Left` if the process that holds them has gone."""
        assert self._store is not None
        try:
            return bool(self._store.check([key]))
        except RuntimeError as error:
            raise Left("the first process has ended") from error

    def _added(self, key: str, number: int) -> int:
        assert self._store is not None
        try:
            return int(self._store.add(key, number))
        except RuntimeError as error:
            raise Left("the first process has ended") from error

    def _until(self, true: Callable[[], bool]) -> None:
        while not true():
            if self.has("ended"):
                if refusal := self.refusal():
                    raise BadInput(refusal)
                raise Left("another process has ended")
            time.sleep(PAUSE_SECONDS)

    def _within(self, seconds: float, true: Callable[[], bool]) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with suppress(Left):
                if true():
                    return True
            time.sleep(PAUSE_SECONDS)
        return False


def _leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()  # or NCCL complains


def ranks_of(launch: Launch) -> Ranks:
    """The processes that a launcher has started, once the first can be reached.

    Raises:
        BadInput: if it cannot, or nothing can be opened where the others look for it.
    """
    if launch.size == 1:
        return Ranks()
    if launch.by == "srun":
        _name_the_first(launch.nodes)
    agent = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"  # torchrun's own process holds one
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    return ranks_at(
        launch.rank,
        launch.size,
        local_rank=launch.local_rank,
        hosts=launch.rank == 0 and not agent,
        attempt=attempt,
    )


@functools.cache
def ranks_at(rank: int, size: int, *, hosts: bool, local_rank: int = 0, attempt: str = "0") -> Ranks:
    """The processes that meet at MASTER_ADDR and MASTER_PORT; errors as of `ranks_of`.

    Args:
        attempt: so that what those before an automatic restart left is not read.
    """
    host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    if not hosts:
        _wait_for(host, port, rank)
    try:
        store = dist.TCPStore(
            host,
            port,
            is_master=hosts,
            wait_for_workers=False,
            timeout=timedelta(seconds=CONNECT_SECONDS),
            multi_tenant=True,  # Lightning opens its own at the same place
        )
    except RuntimeError as error:
        raise BadInput(
            f"rank {rank} cannot meet the others at MASTER_ADDR={host}, MASTER_PORT={port} "
            f"({str(error).splitlines()[0][:80]}); set another MASTER_PORT"
        ) from error
    kept = dist.PrefixStore(f"elman/{attempt}", store)
    return Ranks(rank, size, kept, local_rank=local_rank, hosts=hosts)


def _wait_for(host: str, port: int, rank: int) -> None:
    """Until something answers there: unlike torch, in Python, so that signals are obeyed."""
    end = time.monotonic() + CONNECT_SECONDS
    while True:
        try:
            socket.create_connection((host, port), timeout=5.0).close()
            return
        except OSError as error:
            if time.monotonic() > end:
                raise BadInput(
                    f"rank {rank} found no rank 0 at MASTER_ADDR={host}, MASTER_PORT={port} within "
                    f"{CONNECT_SECONDS:.0f} s ({error}); is it reachable from here?"
                ) from error
        time.sleep(10 * PAUSE_SECONDS)


def _name_the_first(nodes: int) -> None:
    """Set where ranks meet, unless it is set: SLURM names its machines; a step has a port by its number."""
    listed = os.environ.get("SLURM_STEP_NODELIST", "")
    first = SLURMEnvironment.resolve_root_node_address(listed) if nodes > 1 else "127.0.0.1"
    job, step = (int(os.environ.get(name, "0")) for name in ("SLURM_JOB_ID", "SLURM_STEP_ID"))
    os.environ.setdefault("MASTER_ADDR", first)
    os.environ.setdefault("MASTER_PORT", str(FIRST_PORT + (100 * job + step) % PORTS))
