"""Many processes, one gradient: the task reduces its own flat buffer, nothing is wrapped."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytorch_lightning as pl
import torch
import torch.distributed as dist
from pytorch_lightning.strategies import DDPStrategy
from pytorch_lightning.utilities import rank_zero_only

from datamodules.files import write_whole
from elman.recipes.training import Training
from elman.run.ranks import Left

REFUSAL_VARIABLE = "ELMAN_REFUSAL"
"""Names the file in which another process leaves for the first one why it ends."""
HANDED_SECONDS = 30.0


class FlatGradientStrategy(DDPStrategy):
    """Lightning's data parallelism without its reducer.

    The reducer raises where a parameter goes unused in an update and hangs where ranks make unequal
    numbers of them. The task sums one flat buffer instead; all that is left to do here is to start from
    the same weights.
    """

    def configure_ddp(self) -> None:
        """Give every rank the weights of rank 0."""
        assert self.model is not None
        for tensor in [*self.model.parameters(), *self.model.buffers()]:
            dist.broadcast(tensor.detach(), src=0)


def flat_gradient(settings: Training) -> FlatGradientStrategy:
    """The strategy for a run's processes; where each is shown a GPU of its own, that is its first."""
    alone = settings.accelerator != "cpu" and torch.cuda.device_count() == 1 and settings.devices > 1
    gpus = [torch.device("cuda", 0)] * settings.devices if alone else None
    return FlatGradientStrategy(process_group_backend=None, parallel_devices=gpus)


def is_first_process() -> bool:
    """Whether this is the process, of those that train together, that records and prints."""
    return process_rank() == 0


def process_rank() -> int:
    """This process's number among those that train together."""
    return int(getattr(rank_zero_only, "rank", None) or 0)


def hand_over(refusal: Exception) -> None:
    """Leave to the first process what the user is to be told, and let go of it: it then ends this one."""
    path = os.environ.get(REFUSAL_VARIABLE)
    if path is not None:
        with suppress(OSError):
            write_whole(Path(path), str(refusal))
    if dist.is_initialized():
        dist.destroy_process_group()  # what the first process waits for fails now
        if path is not None:
            time.sleep(HANDED_SECONDS)


def handed_over(*, keep: bool = False) -> str | None:
    """On the first process, what another one has left before it ended; None: none has.

    Args:
        keep: it will be asked for again.
    """
    path = Path(os.environ.get(REFUSAL_VARIABLE, ""))
    if not path.is_file():
        return None
    text = path.read_text(encoding="utf-8")
    if not keep:
        path.unlink()
    return text


def lost(error: RuntimeError) -> bool:
    """Whether another process has gone, on which a sum over all of them waited."""
    words = ("Connection closed by peer", "Connection reset by peer", "Broken pipe", "Read error", "gloo")
    return isinstance(error, Left | dist.DistError) or any(each in str(error) for each in words)


def end_other_processes(trainer: pl.Trainer) -> None:
    """End those that this process started: they would wait for it, and the run is over."""
    launcher = trainer.strategy.launcher
    if launcher is not None:
        launcher.kill(signal.SIGKILL)
