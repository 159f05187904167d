"""How many processes a run has and which one this is: by its recipe, or by the launcher that started them."""

from __future__ import annotations

import os
from dataclasses import replace

import torch
from lightning_fabric.plugins import ClusterEnvironment
from lightning_fabric.plugins.environments import LightningEnvironment
from lightning_fabric.utilities.rank_zero import rank_zero_only as fabric_rank_zero_only
from pytorch_lightning.utilities import rank_zero_only
from typing_extensions import override

from elman.errors import BadInput
from elman.recipes.recipe import Recipe
from elman.recipes.training import Training
from elman.run.launched import Launch, launched
from elman.run.left_alone import end_with
from elman.run.protocol import RUN_VARIABLE, STARTER_VARIABLE
from elman.run.ranks import Ranks, ranks_at, ranks_of

OF_NODES = ("NODE_RANK", "MASTER_ADDR", "MASTER_PORT")


class FromOutside(ClusterEnvironment):
    """Tells Lightning's trainer what the launcher said, so that it starts nothing and requeues nothing."""

    def __init__(self, launch: Launch) -> None:
        super().__init__()
        self.launch = launch

    @property
    @override
    def creates_processes_externally(self) -> bool:
        return True

    @property
    @override
    def main_address(self) -> str:
        return os.environ["MASTER_ADDR"]

    @property
    @override
    def main_port(self) -> int:
        return int(os.environ["MASTER_PORT"])

    @staticmethod
    @override
    def detect() -> bool:
        return launched() is not None

    @override
    def world_size(self) -> int:
        return self.launch.size

    @override
    def set_world_size(self, size: int) -> None:
        """The launcher has decided."""

    @override
    def global_rank(self) -> int:
        return self.launch.rank

    @override
    def set_global_rank(self, rank: int) -> None:
        """The launcher has decided."""

    @override
    def local_rank(self) -> int:
        return self.launch.local_rank

    @override
    def node_rank(self) -> int:
        return self.launch.rank // self.launch.local_size


def environment_of_processes() -> ClusterEnvironment:
    """What Lightning's trainer is to know of them: never what it makes of SLURM's variables by itself."""
    launch = launched()
    return LightningEnvironment() if launch is None else FromOutside(launch)


def settle(recipe: Recipe, settings: Training) -> tuple[Training, Ranks]:
    """Settle which process this is, so that from here on only the first one prints and records.

    Args:
        settings: of the recipe.

    Returns:
        The settings with the launcher's number of processes and machines, and the processes that can talk
        before training: all that come from outside, or the first of each machine.

    Raises:
        BadInput: if the recipe names another number than the launcher has started, or a machine of several
            does not know its own.
    """
    launch = launched()
    if launch is not None:
        settings = _as_launched(recipe, settings, launch)
        _be(launch.rank)
        return settings, ranks_of(launch)
    node = _node(settings)
    if started_for_a_run():
        end_with(int(os.environ[STARTER_VARIABLE]))
    if RUN_VARIABLE not in os.environ:
        os.environ.pop("LOCAL_RANK", None)  # of something else: Lightning would wait for processes of others
    _be(node * settings.devices + int(os.environ.get("LOCAL_RANK", "0")))
    if settings.num_nodes == 1 or started_for_a_run():
        return settings, Ranks()
    return settings, ranks_at(node, settings.num_nodes, hosts=node == 0)


def started_for_a_run() -> bool:
    """Whether Lightning's launcher has started this process, for a run that is there."""
    return RUN_VARIABLE in os.environ and os.environ.get("LOCAL_RANK", "0") != "0"


def _node(settings: Training) -> int:
    """The number of this machine among those that train."""
    if settings.num_nodes == 1:
        os.environ["NODE_RANK"] = "0"  # Lightning reads it, whoever has set it
        return 0
    missing = [name for name in OF_NODES if not os.environ.get(name)]
    number = os.environ.get("NODE_RANK", "")
    if missing or not (number.isdigit() and int(number) < settings.num_nodes):
        what = f"{' and '.join(missing)} not set" if missing else f"NODE_RANK={number}"
        raise BadInput(
            f"trainer.num_nodes={settings.num_nodes} needs NODE_RANK (from 0), MASTER_ADDR and MASTER_PORT "
            f"in each machine's environment, got {what}; or start it by torchrun or srun, without num_nodes"
        )
    return int(number)


def _as_launched(recipe: Recipe, settings: Training, launch: Launch) -> Training:
    for name, there, what in (
        ("devices", launch.local_size, f"{launch.local_size} on this machine"),
        ("num_nodes", launch.nodes, f"processes on {launch.nodes} machine{'s' * (launch.nodes > 1)}"),
    ):
        given = getattr(settings, name)
        if given != there and recipe.typed("trainer", name):
            raise BadInput(
                f"trainer.{name}={given}, but {launch.by} has started {what}; leave "
                f"trainer.{name} out, or have {launch.by} start {given}"
            )
    gpus = torch.cuda.device_count() if settings.accelerator != "cpu" else 0
    if 1 < gpus < launch.local_size:
        raise BadInput(
            f"{launch.by} has started {launch.local_size} processes on this machine, which see {gpus} GPUs; "
            "start one process a GPU, or set trainer.accelerator=cpu"
        )
    return replace(settings, devices=launch.local_size, num_nodes=launch.nodes)


def _be(rank: int) -> None:
    """Both of Lightning's packages decide by this who prints and records."""
    for each in (rank_zero_only, fabric_rank_zero_only):
        setattr(each, "rank", rank)  # noqa: B010  (which their types do not know of)
