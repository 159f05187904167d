"""What a network reaches that has learned nothing: the best constant answer, and what the data state."""

from __future__ import annotations

from math import log
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from elman.batch import SequenceBatch
from elman.tasks.loss import BinaryCrossEntropy, CrossEntropy, SequenceLoss, SquaredError

STATED = {
    "baseline_nats": "nats_per_step",
    "baseline_mse": "mse",
    "mean_mse": "mse",
    "chance": "accuracy",
    "val_repeat_rmse": "rmse",
}
"""The metric of what a data module states in its metadata."""
ROUNDED = 1e-12  # share of squares that sums in 64 bits have lost


class Targets:
    """The scored targets of a validation, as far as a constant answer depends on them: counts, or moments.

    They are as large as the output, however many targets there are, and exact.

    Args:
        outputs: O, of the network.
    """

    def __init__(self, outputs: int) -> None:
        self.count, self.weighted = 0, False
        # Of classes how often each came, in the first row; of values y and y^2, and s^2, s^2 y and s^2 y^2,
        # s being what 1 in y of that row stands for.
        self.sums = torch.zeros(5, outputs, dtype=torch.float64)

    def add(self, batch: SequenceBatch) -> None:
        """Count the targets of a batch of this process."""
        if batch.y is None or batch.weights is not None:
            self.weighted = True
            return
        scored = batch.scored
        y = batch.y.cpu()[scored]  # some devices have no numbers of 64 bits
        self.count += len(y)
        if not y.is_floating_point():
            self.sums[0] += torch.bincount(y, minlength=self.sums.shape[1])
            return
        y = y.double()
        squares = torch.ones_like(y)
        if batch.scale is not None:
            by_step = batch.scale if batch.scale.dim() == 3 else batch.scale[:, None]  # (B, T or 1, O)
            squares = by_step.cpu().double().expand(*scored.shape, -1)[scored].square()
        parts = (y, y.square(), squares, squares * y, squares * y.square())
        self.sums += torch.stack([part.sum(0) for part in parts])

    def over_ranks(self, device: torch.device) -> None:
        """Add up what all processes have counted; called by each of them."""
        found = torch.cat([self.sums.flatten(), torch.tensor([self.count, self.weighted]).double()])
        found = found.to(device)
        dist.all_reduce(found)
        found = found.cpu()
        self.sums, self.count = found[:-2].view_as(self.sums), int(found[-2])
        self.weighted = bool(found[-1])


def chance_levels(loss: SequenceLoss, targets: Targets, data: Any) -> dict[str, float]:
    """The metrics of validation, by name, of the best answer that is the same at every step.

    The answer is fitted to the validation data themselves. Where the data state a better baseline in their
    metadata, as `Echo` does, it is that.

    Args:
        loss: of the task.
        targets: of validation.
        data: they are of, set up.

    Returns:
        Empty where nothing is scored, where steps have weights, for a loss that is not of this house, and
        where one answer is always right.
    """
    if not targets.count or targets.weighted:
        return {}
    found = _of_constant(loss, targets, data.target_scale)
    stated = data.description().get("metadata", {})
    for key, name in STATED.items():
        if isinstance(value := stated.get(key), int | float) and name in found:
            better = max(found[name], value) if name == "accuracy" else min(found[name], value)
            if name == "rmse" and found[name]:
                found["mse"] *= (better / found[name]) ** 2
            found[name] = better
    if "bits_per_step" in found:
        found["bits_per_step"] = found["nats_per_step"] / log(2)
    perfect = {name: 1.0 if name == "accuracy" else 0.0 for name in found}
    return {f"val/{name}": float(value) for name, value in found.items() if value != perfect[name]}


def targets_of(data: Any, *, outputs: int) -> Targets:
    """The targets of all validation data.

    Cost: all of these are read once.

    Args:
        data: set up.
        outputs: O, of the network.
    """
    found, loader = Targets(outputs), data.val_dataloader()
    for index in range(len(loader)):
        found.add(loader.batch(index))
    return found


def _of_constant(loss: SequenceLoss, targets: Targets, scale: Tensor | None) -> dict[str, float]:
    """The metrics of the constant answer with the least loss."""
    count = targets.count
    if isinstance(loss, CrossEntropy):
        counts = targets.sums[0]
        weighed = counts if loss.weights is None else counts * loss.weights.cpu()
        weighed = weighed[weighed > 0]
        nats = -float((weighed * (weighed / weighed.sum()).log()).sum()) / count
        return loss.metrics(nats, counts.max() / count)
    y, squares, *scaled = targets.sums / count
    if isinstance(loss, BinaryCrossEntropy):
        return loss.metrics(-float((torch.xlogy(y, y) + torch.xlogy(1 - y, 1 - y)).sum()), None)
    if isinstance(loss, SquaredError):
        errors = squares - y.square()
        errors = torch.where(errors > ROUNDED * squares, errors, 0.0)
        by_output = scaled[2] - 2 * y * scaled[1] + y.square() * scaled[0]
        return loss.metrics(float(errors.mean()), by_output.clamp(min=0), scale)
    return {}
