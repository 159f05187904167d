"""What a network reaches that has learned nothing: the best constant answer, and what the data state."""

from __future__ import annotations

from math import log
from typing import Any

import torch
from torch import Tensor

from elman.tasks.loss import BinaryCrossEntropy, SequenceLoss

MOST_TARGETS = 2_000_000
LEAST_SHARE = 1e-9
STATED = {
    "baseline_nats": "nats_per_step",
    "baseline_mse": "mse",
    "chance": "accuracy",
    "val_repeat_rmse": "rmse",
}
"""The metric of what a data module states in its metadata."""


def chance_levels(loss: SequenceLoss, data: Any, *, outputs: int) -> dict[str, float]:
    """The metrics of validation, by name, of the best answer that is the same at every step.

    The answer is fitted to the validation data themselves, to the first two million targets of them. Where
    the data state a better baseline in their metadata, as `Echo` does, it is that.

    Args:
        loss: of the task.
        data: set up.
        outputs: O, of the network.

    Returns:
        Empty where nothing is scored, or where steps have weights.
    """
    targets = _targets(data)
    if targets is None:
        return {}
    answer = _best_constant(loss, targets, outputs)
    with torch.no_grad():
        total, tally = loss.sums(answer.expand(len(targets), -1), targets)
        mean = None if tally is None else tally.double() / len(targets)
        found = loss.metrics(float(total) / len(targets), mean, data.target_scale)
    stated = data.description().get("metadata", {})
    for key, name in STATED.items():
        if isinstance(value := stated.get(key), int | float) and name in found:
            found[name] = max(found[name], value) if name == "accuracy" else min(found[name], value)
    if "bits_per_step" in found:
        found["bits_per_step"] = found["nats_per_step"] / log(2)
    return {f"val/{name}": float(value) for name, value in found.items()}


def _targets(data: Any) -> Tensor | None:
    """(N,) classes or (N, O) values of the steps of validation that are scored; None: there are none."""
    loader = data.val_dataloader()
    found: list[Tensor] = []
    for index in range(len(loader)):
        batch = loader.batch(index)
        if batch.y is None or batch.weights is not None:
            return None
        found.append(batch.y[batch.scored])
        if sum(part.numel() for part in found) >= MOST_TARGETS:
            break
    targets = torch.cat(found) if found else torch.zeros(0)
    return targets if len(targets) else None


def _best_constant(loss: SequenceLoss, targets: Tensor, outputs: int) -> Tensor:
    """(1, O) the answer with the least loss."""
    if not targets.is_floating_point():
        counts = torch.bincount(targets.flatten(), minlength=outputs)[:outputs].double()
        weights = getattr(loss, "weights", None)
        counts = counts if weights is None else counts * weights.cpu()
        return (counts / counts.sum()).clamp(min=LEAST_SHARE).log()[None]
    mean = targets.double().mean(0, keepdim=True)
    if isinstance(loss, BinaryCrossEntropy):
        mean = mean.clamp(LEAST_SHARE, 1 - LEAST_SHARE).logit()
    return mean.to(targets.dtype)
