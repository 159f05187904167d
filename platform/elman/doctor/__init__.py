"""What of this machine and its stores is right, and what to do where it is not: `elman doctor`.

A check is a function of a `Place`, in a file of this folder, that returns `Finding`s; `CHECKS` lists them in
the order in which they are made.
"""

from elman.doctor.finding import BROKEN, OK, WARNING, Check, Finding, Place
from elman.doctor.machine import clock, disks, gpus, memory, native_kernel, packages
from elman.doctor.runs import checkpoints, dead_runs, spools, store

__all__ = ["BROKEN", "CHECKS", "OK", "WARNING", "Finding", "Place"]

CHECKS: tuple[Check, ...] = (
    *(packages, memory, native_kernel, gpus, disks),
    *(
        store,
        clock,
        dead_runs,
        spools,
        checkpoints,
    ),  # a store is opened first, and runs send what they have left
)
