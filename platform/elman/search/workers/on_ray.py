"""A search whose trials run on a Ray cluster: Ray finds each of them a machine, one driver runs them all."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from elman import __version__
from elman.errors import BadInput
from elman.search.space.definition import Search
from elman.search.workers.driver import Driver
from elman.search.workers.places import Lease, refuse_too_few
from elman.search.workers.ray_trial import RayTrial, RemoteTrial, unfit
from elman.search.workers.session import open_session
from elman.search.workers.trial_process import PROGRAM
from elman.search.workers.work import work
from elman.tracking.store import resolve_uri

PROBE_SECONDS = 60.0  # what a machine may take to read the working folder
PASSED_ON = ("MLFLOW_", "AWS_", "DO_NOT_TRACK")  # of the environment, to every trial


def search_on_ray(
    search: Search,
    *,
    storage: str | None,
    workers: int | None,
    gpus: float | None,
    program: Sequence[str] = PROGRAM,
) -> int:
    """Run a search on the cluster that RAY_ADDRESS names, else one that runs here, else one of this machine.

    A `Driver` as on one machine: it alone asks for trials and ends them, so the study may be a file. Each
    trial is an actor of Ray. A trial whose machine is lost goes on elsewhere from its checkpoint, as one
    whose process crashed. elman and the working folder must be on every machine.

    Args:
        storage: of the study.
        workers: trials at the same time, those that wait for a machine included; None: as many as the
            cluster has room for.
        gpus: of each trial; None: 1 where the cluster has any, else 0.
        program: what a trial's process runs.

    Returns:
        The exit code.

    Raises:
        BadInput: if Ray is not there, or the cluster cannot run such trials.
    """
    ray = _connected()
    try:
        _refuse_store_of_one(ray, search)
        trainer = search.base.config.trainer
        gpus = _gpus_of_a_trial(ray, gpus, processes=trainer.devices)
        processes = max(trainer.devices, int(gpus))
        threads = (trainer.threads or 1) * processes
        room = _room(ray, gpus=gpus, threads=threads)
        _refuse_unfit(ray, search.folder)
        session = open_session(search, storage)
        # Trials need these, and another machine's environment may lack them.
        environment = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
        environment["MLFLOW_TRACKING_URI"] = session.runs.uri
        actor = ray.remote(RemoteTrial).options(num_cpus=threads, num_gpus=gpus, max_concurrency=2)
        places = [
            Lease(place=n, gpus=(), threads=threads, processes=processes) for n in range(workers or room)
        ]
        begin = partial(RayTrial, actor=actor, environment=environment)
        return work(Driver(session, places, program=program, begin=begin))
    finally:
        ray.shutdown()


def _connected() -> Any:
    """Ray, with a cluster behind it; it sends no reports and keeps its own log to itself."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise BadInput("--on=ray needs Ray: pip install elman[ray]") from error
    where = os.environ.get("RAY_ADDRESS", "")
    if where.startswith("ray://"):
        raise BadInput(
            f"RAY_ADDRESS={where} is for clients outside of the cluster; start the search on one of its "
            "machines, with RAY_ADDRESS=auto"
        )
    try:
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise BadInput(f"--on=ray reaches no cluster at RAY_ADDRESS={where or 'auto'}: {first}") from error
    return ray


def _machines(ray: Any) -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


def _gpus_of_a_trial(ray: Any, asked: float | None, *, processes: int) -> float:
    """One for each process where the cluster has any, unless another number is asked for."""
    if asked is None:
        return float(processes) if any(m["Resources"].get("GPU") for m in _machines(ray)) else 0.0
    if asked > 1 and asked != int(asked):
        raise BadInput(f"--gpus-per-trial must be a whole number, or a share below 1, got {asked:g}")
    refuse_too_few(asked, processes)
    return asked


def _room(ray: Any, *, gpus: float, threads: int) -> int:
    """How many trials the cluster's machines can run at once."""
    machines = [machine["Resources"] for machine in _machines(ray)]
    room = 0
    for machine in machines:
        at_once = int(machine.get("CPU", 0) // threads)
        room += min(at_once, int(machine.get("GPU", 0) / gpus + 1e-9)) if gpus else at_once
    if not room:
        largest = {kind: max((m.get(kind, 0) for m in machines), default=0) for kind in ("CPU", "GPU")}
        raise BadInput(
            f"--on=ray: a trial takes {threads} CPUs (trainer.threads of each process) and {gpus:g} GPUs "
            f"(--gpus-per-trial), but no machine of the cluster has more than {largest['CPU']:g} and "
            f"{largest['GPU']:g}"
        )
    return room


def _refuse_store_of_one(ray: Any, search: Search) -> None:
    """A database in a file is no place for what several machines write."""
    machines = {machine["NodeManagerHostname"] for machine in _machines(ray)}
    uri = resolve_uri(search.base.config.tracking.tracking_uri)
    if len(machines) > 1 and uri.startswith("sqlite"):
        raise BadInput(
            f"--on=ray: the cluster has {len(machines)} machines, but the tracking store is a file of one; "
            "name a server with --tracking.tracking_uri=http://HOST:PORT"
        )


def _refuse_unfit(ray: Any, folder: Path) -> None:
    """Every machine must have this elman, and read what this one writes in the working folder."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    folder.mkdir(parents=True, exist_ok=True)
    probe, word = folder / f".seen-{os.getpid()}", secrets.token_hex()
    probe.write_text(word, encoding="utf-8")
    task = ray.remote(num_cpus=0)(unfit)
    try:
        places = [NodeAffinitySchedulingStrategy(m["NodeID"], soft=False) for m in _machines(ray)]
        found = [task.options(scheduling_strategy=p).remote(str(probe), word, __version__) for p in places]
        for wrong in ray.get(found, timeout=PROBE_SECONDS):
            if wrong:
                raise BadInput(f"--on=ray: {wrong}")
    except ray.exceptions.RayError as error:
        last = str(error).strip().splitlines()[-1]
        raise BadInput(f"--on=ray: a machine of the cluster cannot run trials: {last}") from error
    finally:
        with suppress(OSError):
            probe.unlink()
