"""Packages, cores, compiler, GPUs, clock and disks of this machine."""

from __future__ import annotations

import os
import platform
import re
import shutil
from importlib import metadata
from pathlib import Path

import elman
from datamodules.files import cache_folder
from elman.doctor.finding import BROKEN, OK, WARNING, Finding, Place
from elman.errors import BadInput
from elman.tracking.process import boot_id
from elman.tracking.reading import open_to_read
from elman.tracking.runs import newest_run
from elman.tracking.store import artifact_folder, resolve_uri, sqlite_path

TESTED = Path(elman.__file__).parents[2] / "constraints.txt"
"""Versions that the tests pass with; where elman was installed from an archive there is no such file."""
LEAST_MEMORY, LEAST_DISK, TIGHT_DISK = 1 << 30, 100 << 20, 2 << 30  # bytes
AHEAD_SECONDS = 60.0
LEFT_OUT = "CUDA_VISIBLE_DEVICES leaves it out"
MANY_LOADS = 2.0  # times as many processes want to run as there are cores


def packages(place: Place) -> list[Finding]:
    """Python and what elman needs, against its declaration and the tested set."""
    from packaging.requirements import Requirement

    try:
        needed = [Requirement(text) for text in metadata.requires("elman") or []]
    except metadata.PackageNotFoundError:
        return [Finding("packages", WARNING, "elman is not installed here", "pip install -e .")]
    wrong, other, tested = [], [], _tested()
    for each in (need for need in needed if need.marker is None or need.marker.evaluate({"extra": ""})):
        try:
            version = metadata.version(each.name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{each} is missing")
            continue
        if not each.specifier.contains(version, prereleases=True):
            wrong.append(f"{each.name} {version} is not {each.specifier}")
        elif tested.get(_plain(each.name), version) != version.partition("+")[0]:
            other.append(f"{each.name} {version} ({tested[_plain(each.name)]})")
    python = f"Python {platform.python_version()}, torch {metadata.version('torch')}"
    if wrong:
        return [Finding("packages", BROKEN, "; ".join(wrong), "pip install elman brings them")]
    if other:
        line = f"{python}; other versions than the tested ones: {', '.join(other)}"
        return [Finding("packages", WARNING, line, f"pip install -c {TESTED} elman, if something is odd")]
    return [Finding("packages", OK, python)]


def memory(place: Place) -> list[Finding]:
    """Cores that this process may use, and memory that is free."""
    import psutil

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    load, there = psutil.getloadavg()[0], psutil.virtual_memory()
    line = f"{cores} of {os.cpu_count()} cores, load {load:.1f}; "
    line += f"{_size(there.available)} of {_size(there.total)} free"
    if there.available < LEAST_MEMORY:
        return [
            Finding("memory", WARNING, line, "end what else runs, or lower batch_size, steps or data.workers")
        ]
    if load > MANY_LOADS * cores:
        return [Finding("cores", WARNING, line, "end what else runs, or lower --trainer.threads")]
    return [Finding("cores", OK, line)]


def native_kernel(place: Place) -> list[Finding]:
    import torch

    from elman.cores._build import SWITCH, why_not_native

    why = why_not_native("cpu", torch.float32)
    if not why:
        return [Finding("native kernel", OK, "built")]
    way_out = f"runs use the slower scan; install a C compiler or name one in CC, and unset {SWITCH}"
    return [Finding("native kernel", WARNING, why, way_out)]


def gpus(place: Place) -> list[Finding]:
    """Whether torch sees the GPUs that are there, and can compute on them."""
    import torch

    if not torch.cuda.is_available():
        if shutil.which("nvidia-smi") and Path("/proc/driver/nvidia/version").exists():
            way_out = "install a torch with CUDA for this driver: pytorch.org/get-started"
            return [Finding("GPUs", WARNING, "there are some, but torch finds none", way_out)]
        return [Finding("GPUs", OK, "none; runs train on CPU")]
    found = []
    for number in range(torch.cuda.device_count()):
        name = torch.cuda.get_device_name(number)
        try:
            product = torch.eye(8, device=f"cuda:{number}").mm(torch.ones(8, 8, device=f"cuda:{number}"))
            right = float(product.sum()) == 64.0
            free, whole = torch.cuda.mem_get_info(number)
        except RuntimeError as error:
            first = str(error).strip().splitlines()[0]
            found.append(Finding(f"GPU {number}", BROKEN, f"{name}: {first}", LEFT_OUT))
            continue
        line = f"{name}, {_size(free)} of {_size(whole)} free"
        wrong = Finding(f"GPU {number}", BROKEN, f"{name} computes wrong", LEFT_OUT)
        found.append(Finding(f"GPU {number}", OK, line) if right else wrong)
    return found


def clock(place: Place) -> list[Finding]:
    """Whether processes are known without the clock, and the clock is not behind what the store holds."""
    import time

    found = []
    if boot_id() is None:
        way_out = "do not set the clock while runs are at work: they would be taken for dead"
        found.append(Finding("clock", WARNING, "this system tells no id of its boot", way_out))
    try:
        with open_to_read(place.uri) as (client, _):
            newest = newest_run(client, [str(e.experiment_id) for e in client.search_experiments()])
    except BadInput:  # another check's
        newest = None
    ahead = 0.0 if newest is None else newest.started_ms / 1000 - time.time()
    if newest is not None and ahead > AHEAD_SECONDS:
        line = f"run {newest.id} began {ahead:,.0f} s after now, by this machine's clock"
        found.append(
            Finding("clock", WARNING, line, "set the clock of this machine, or of the one that ran it")
        )
    return found or [Finding("clock", OK, f"{time.strftime('%Y-%m-%d %H:%M:%S %Z')}; not behind the store")]


def disks(place: Place) -> list[Finding]:
    """Room where runs write."""
    folders: dict[str, Path | None] = {"checkpoints": place.checkpoints.absolute(), "caches": cache_folder()}
    try:
        uri = resolve_uri(place.uri)
        folders |= {"store": sqlite_path(uri), "artifacts": artifact_folder(uri)}
    except BadInput:  # another check's
        pass
    named: dict[int, list[str]] = {}
    free: dict[int, tuple[int, Path]] = {}
    for name, folder in folders.items():
        if folder is None:
            continue
        there = next(path for path in (folder, *folder.parents) if path.is_dir())
        device = there.stat().st_dev
        named.setdefault(device, []).append(name)
        free[device] = (shutil.disk_usage(there).free, there)
    found = []
    for device, (left, there) in free.items():
        line = f"{_size(left)} free at {there}, for {', '.join(named[device])}"
        state = BROKEN if left < LEAST_DISK else WARNING if left < TIGHT_DISK else OK
        found.append(Finding("disk", state, line, "" if state == OK else "make room, or name other folders"))
    return found


def _tested() -> dict[str, str]:
    try:
        lines = TESTED.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    pairs = (line.partition("==") for line in lines if "==" in line and not line.startswith("#"))
    return {_plain(name.strip()): version.partition(";")[0].strip() for name, _, version in pairs}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _size(size: float) -> str:
    return f"{size / (1 << 30):,.1f} GiB"
