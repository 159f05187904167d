"""What a checkpoint holds of a task beside its weights and its optimiser: plain values only."""

from __future__ import annotations

from typing import Any

import torch.distributed as dist

from elman.cores.kernels import kernels_of, use_kernels
from elman.tasks.dealt import dealt
from elman.tasks.random_state import restore_random, saved_random


def contents(task: Any, *, ranks: int) -> dict[str, Any]:
    """All of it; of what each of `ranks` processes has of its own, a list by rank."""
    own = {**task.train_state.state_dict(), "random": saved_random()}
    all_ranks = [own]
    if ranks > 1:
        all_ranks = [{}] * ranks
        dist.all_gather_object(all_ranks, own)
    return {
        "metadata": {**task.network.metadata, "target_scale": task.target_scale},
        "recipe": task.recipe,
        "time_steps": task.time_steps,
        "updates": task.updates.state_dict(),
        "bptt": task.bptt.state_dict(),
        "by_hand": task.objective.by_hand is not None,
        "kernels": {name: list(choice) for name, choice in kernels_of(task.network).items()},
        **{name: [rank[name] for rank in all_ranks] for name in own},
    }


def load(task: Any, checkpoint: dict[str, Any], *, stage: str, ranks: int) -> None:
    """Take back what is the same on all processes; to train on, `load_own` follows once training starts.

    Raises:
        BadInput: if another number of processes wrote it, whose rows cannot be dealt anew.
    """
    saved = checkpoint["elman"]
    task.to(checkpoint["state_dict"]["readout.weight"].dtype)  # Lightning does so only after loading
    task.time_steps = saved["time_steps"]
    if stage != "fit":
        return
    saved = dealt(saved, ranks)
    evaluate_as(task, saved)
    task.updates.load_state_dict(saved["updates"])
    if not saved.get("begins_anew"):  # by a fork, with another strategy
        task.bptt.load_state_dict(saved["bptt"])
    task.restored = saved


def evaluate_as(task: Any, saved: dict[str, Any]) -> None:
    """Have a task compute as the one that wrote a checkpoint, to the last digit."""
    use_kernels(task.network, saved.get("kernels"))
    if not saved.get("by_hand"):
        task.gradient = "autograd"


def load_own(task: Any, *, rank: int) -> None:
    """Take back what is this process's own, once the network is on its device."""
    if task.restored is None:
        return
    saved, task.restored = task.restored, None
    names = task.train_state.state_dict()
    task.train_state.load_state_dict({n: saved[n][rank] for n in names if n in saved}, task.device)
    if saved.get("begins_anew"):
        task.train_state.begin_strategy(task.objective)
    if rank < len(saved["random"]):
        restore_random(saved["random"][rank])
