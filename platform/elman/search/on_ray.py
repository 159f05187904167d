"""Trials on a Ray cluster: Ray places, restarts and ends them; the study hands them out as everywhere."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from elman.errors import BadInput
from elman.search.definition import Search, read_search
from elman.search.driver import Driver
from elman.search.leases import Lease, usable_cores
from elman.search.session import Session, open_session, work

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5
RETRIES = 3  # of a task whose node was lost; its trial goes on from the storage


def search_on_ray(
    search: Search,
    words: Sequence[str],
    *,
    storage: str | None,
    workers: int | None,
    gpus: float | None,
    threads: int = 1,
) -> int:
    """Run a search on the cluster that RAY_ADDRESS names, or that runs here, or on one of this machine alone.

    Every task of Ray runs one trial: it opens the study, takes the next trial, and returns. The working
    folder must be the same on all nodes, and elman installed there.

    Args:
        words: the search's file and options, for the tasks.
        storage: of the study; on several machines a database that all reach, or a file that all share.
        workers: tasks at the same time; None: as many as the cluster has room for.
        gpus: of each trial.
        threads: CPU threads of each trial.

    Returns:
        The exit code.

    Raises:
        BadInput: if Ray is not installed, or the nodes could not share the study.
    """
    ray = _ray()
    ray.init(ignore_reinit_error=True, log_to_driver=False, logging_level=logging.ERROR)
    try:
        _refuse_unshared(ray, search, storage)
        room = _room(ray, gpus=gpus, threads=threads)
        session = open_session(search, storage)
        tasks = RayTasks(
            session,
            [str(word) for word in words],
            storage=storage,
            at_once=min(workers or room, room),
            gpus=gpus,
            threads=threads,
        )
        return work(session, tasks.started)
    finally:
        ray.shutdown()


class RayTasks:
    """Keeps as many tasks under way as there is room for, until the study has no more trials.

    It takes the place of a `Driver`.
    """

    def __init__(
        self,
        session: Session,
        words: list[str],
        *,
        storage: str | None,
        at_once: int,
        gpus: float | None,
        threads: int,
    ) -> None:
        self.session, self.words, self.storage = session, words, storage
        self.at_once, self.gpus, self.threads = at_once, gpus, threads
        self.stopping = 0
        self.gave_up = ""
        self.changed: Callable[[int | None], None] = lambda number: None
        self._ended: set[int] = set()

    def started(self, changed: Callable[[int | None], None]) -> RayTasks:
        self.changed = changed
        return self

    def run(self) -> int:
        """Work until the budget is spent; the exit code."""
        ray = _ray()
        task = ray.remote(one_trial).options(
            num_cpus=self.threads, num_gpus=self.gpus or 0, max_retries=RETRIES, retry_exceptions=False
        )
        before = {n: signal.signal(n, self._note) for n in (signal.SIGINT, signal.SIGTERM)}
        under_way: list[Any] = []
        spent = False
        try:
            while True:
                while len(under_way) < self.at_once and not spent and not self.stopping:
                    under_way.append(
                        task.remote(self.words, self.storage, str(Path.cwd()), threads=self.threads)
                    )
                if not under_way:
                    if self.stopping or not self._left():
                        break
                    time.sleep(POLL_SECONDS)  # a lost node's trial, until its silence has lasted long enough
                    spent = False
                    continue
                done, under_way = ray.wait(under_way, timeout=POLL_SECONDS)
                for each in done:
                    ran, failed = ray.get(each)
                    spent = spent or not ran
                    self.gave_up = self.gave_up or failed
                spent = spent or bool(self.gave_up)
                self._say_ended()
                self.session.study.owners.beat()
                if self.stopping:
                    for each in under_way:
                        ray.cancel(each, force=False, recursive=True)
        except ray.exceptions.RayError as error:
            if not self.stopping:
                raise BadInput(f"--on=ray: {str(error).strip().splitlines()[-1]}") from error
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if self.stopping:
            return 128 + self.stopping
        return 1 if self.gave_up else 0

    def _left(self) -> bool:
        return any(trial.state == "running" for trial in self.session.review().trials)

    def _say_ended(self) -> None:
        """Tell of the trials that have ended since the last look."""
        for trial in self.session.review().trials:
            if trial.state in ("complete", "pruned", "failed") and trial.number not in self._ended:
                self._ended.add(trial.number)
                self.changed(trial.number)
        self.changed(None)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.stopping = number


def one_trial(words: list[str], storage: str | None, folder: str, *, threads: int) -> tuple[bool, str]:
    """A task of Ray: run the study's next trial here; whether there was one, and why none can run."""
    if not Path(folder).is_dir():
        raise BadInput(
            f"{folder} is not on node {os.uname().nodename}; put the working folder where all see it"
        )
    os.chdir(folder)
    session = open_session(read_search(words), storage)
    place = Lease(place=0, gpus=(), threads=min(threads, usable_cores()))  # Ray has set the GPUs it may see
    drivers: list[Driver] = []

    def started(changed: Callable[[int | None], None]) -> Driver:
        drivers.append(Driver(session.search, session.study, session.runs, [place], changed=changed, limit=1))
        return drivers[0]

    work(session, started, quiet=True)
    return drivers[0].left == 0, drivers[0].gave_up


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise BadInput("--on=ray needs Ray: pip install elman[ray]") from error
    return ray


def _refuse_unshared(ray: Any, search: Search, storage: str | None) -> None:
    """Files of one machine are no place for what several machines write."""
    hosts = {node["NodeManagerHostname"] for node in ray.nodes() if node["Alive"]}
    if len(hosts) < 2:
        return
    uri = search.base.config.tracking.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or "sqlite"
    if uri.startswith("sqlite"):
        raise BadInput(
            f"the cluster has {len(hosts)} machines, but the tracking store is a file of one; "
            "name a server with --tracking.tracking_uri=http://HOST:PORT"
        )
    if storage is None or storage.startswith("sqlite"):
        raise BadInput(
            f"the cluster has {len(hosts)} machines, but the study would be a file of one; give "
            "--storage=postgresql://USER@HOST/DATABASE, or the path of a journal file that all share"
        )


def _room(ray: Any, *, gpus: float | None, threads: int) -> int:
    """How many trials the cluster can run at once."""
    there = ray.cluster_resources()
    room = int(there.get("CPU", 0) // threads)
    if gpus:
        room = min(room, int(there.get("GPU", 0) / gpus + 1e-9))
    if room < 1:
        raise BadInput(
            f"--on=ray: a trial takes {threads} CPUs and {gpus or 0:g} GPUs, but the cluster has "
            f"{there.get('CPU', 0):g} and {there.get('GPU', 0):g}"
        )
    return room
