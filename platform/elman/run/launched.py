"""Who has started this process: nobody, Lightning's launcher, torchrun, or a step of SLURM."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from elman.errors import BadInput
from elman.run.protocol import RUN_ID_VARIABLE, RUN_VARIABLE

BY_HAND = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""What launchers set that have no name of their own here."""


class Launch(NamedTuple):
    """What a launcher says of a process that it has started to train together with others.

    Args:
        by: the launcher, in words.
        rank: this process among all, from 0.
        size: all processes.
        local_rank, local_size: the same on this machine.
        nodes: machines.
    """

    by: str
    rank: int
    size: int
    local_rank: int
    local_size: int
    nodes: int


def launched(environment: Mapping[str, str] = os.environ) -> Launch | None:
    """What torchrun or srun says of this process.

    None: no launcher from outside has started it. A batch script of SLURM, a shell in a job and a step of one
    task have the variables of their job, too, but are single processes.
    """

    def number(name: str, otherwise: int = 1) -> int:
        return int(environment.get(name, otherwise))

    if RUN_VARIABLE in environment or RUN_ID_VARIABLE in environment:
        return None  # by Lightning's launcher in a run of ours, or by a search
    by_hand = all(name in environment for name in BY_HAND) and number("WORLD_SIZE") > 1
    if "TORCHELASTIC_RUN_ID" in environment or by_hand:
        size, local_size = number("WORLD_SIZE"), number("LOCAL_WORLD_SIZE")
        return Launch(
            by="the environment (WORLD_SIZE)" if "TORCHELASTIC_RUN_ID" not in environment else "torchrun",
            rank=number("RANK", 0),
            size=size,
            local_rank=number("LOCAL_RANK", 0),
            local_size=local_size,
            nodes=number("GROUP_WORLD_SIZE", max(1, size // local_size)),
        )
    if "SLURM_PROCID" in environment and number("SLURM_STEP_NUM_TASKS") > 1:
        size, nodes = number("SLURM_STEP_NUM_TASKS"), number("SLURM_STEP_NUM_NODES")
        return Launch(
            by="srun",
            rank=number("SLURM_PROCID", 0),
            size=size,
            local_rank=number("SLURM_LOCALID", 0),
            local_size=size // nodes,
            nodes=nodes,
        )
    return None


def refuse_launcher(command: str) -> None:
    """For a command that is one process.

    Raises:
        BadInput: if a launcher has started this one.
    """
    launch = launched()
    if launch is None:
        return
    others = command in ("search", "crossvalidate", "fit --seeds")
    raise BadInput(
        f"`elman {command}` {'starts the processes of its runs itself' if others else 'is one process'}, but "
        f"{launch.by} has started {launch.size} of it; start it alone"
        f"{', and give each run several by trainer.devices' if others else ''}"
    )
