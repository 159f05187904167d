"""Places where trials run: a number of workers, each with the GPUs it has leased."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from elman.errors import BadInput


@dataclass(frozen=True, kw_only=True)
class Lease:
    """A place for one trial.

    Args:
        place: its number.
        gpus: ids of GPUs that only this trial uses, or shares where a trial takes less than one.
        threads: CPU threads that its processes share.
        hides_gpus: those of this machine are not for it.
        processes: that train together in it, at least.
    """

    place: int
    gpus: tuple[str, ...]
    threads: int
    hides_gpus: bool = False
    processes: int = 1


def places(
    *, workers: int | None, gpus_per_trial: float | None, gpus: Sequence[str], cores: int
) -> list[Lease]:
    """All places of this machine.

    Args:
        workers: places at most; None: as many as there are GPUs for, or cores where none are used.
        gpus_per_trial: GPUs of a trial, or a share of one below 1; None: 1 where there are GPUs, else 0.
        gpus: ids of the GPUs of this machine.
        cores: of its processors.

    Raises:
        BadInput: if there are fewer GPUs than one trial takes.
    """
    wanted = gpus_per_trial if gpus_per_trial is not None else float(bool(gpus))
    if wanted < 0 or (wanted > 1 and wanted != int(wanted)):
        raise BadInput(f"--gpus-per-trial must be a whole number, or a share below 1, got {gpus_per_trial:g}")
    if wanted and not gpus:
        raise BadInput(
            f"--gpus-per-trial={wanted:g}, but no GPU is seen here; "
            "leave it out to train on the CPU, or check nvidia-smi and CUDA_VISIBLE_DEVICES"
        )
    if wanted > len(gpus):
        raise BadInput(f"--gpus-per-trial={wanted:g}, but only {len(gpus)} are seen here; ask for fewer")
    if not wanted:
        groups: list[tuple[str, ...]] = [()] * (workers or cores)
    elif wanted < 1:
        groups = [(gpu,) for _ in range(int(1 / wanted + 1e-9)) for gpu in gpus]
    else:
        size = int(wanted)
        groups = [tuple(gpus[i : i + size]) for i in range(0, len(gpus) - size + 1, size)]
    groups = groups[:workers]
    threads = max(1, cores // len(groups))
    return [
        Lease(
            place=number,
            gpus=group,
            threads=threads,
            hides_gpus=not wanted,
            processes=max(1, len(group)),
        )
        for number, group in enumerate(groups)
    ]


def refuse_too_few(gpus: float, devices: int) -> None:
    """Compare the number of GPUs of a trial with the processes that its recipe asks for.

    Raises:
        BadInput: if there are fewer GPUs.
    """
    if gpus and devices > max(gpus, 1):
        raise BadInput(
            f"trainer.devices={devices}, but a trial has {gpus:g} of the GPUs; "
            f"give --gpus-per-trial={devices}, or --gpus-per-trial=0 to train on the CPU"
        )


def visible_gpus() -> list[str]:
    """Ids of the GPUs that this process may use, as CUDA_VISIBLE_DEVICES takes them."""
    import torch

    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if named is None:
        return [str(number) for number in range(count)]
    return [name.strip() for name in named.split(",") if name.strip()][:count]


def usable_cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
