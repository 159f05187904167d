"""What is learned at a scored step: a class or a value."""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import log

import torch
import torch.nn.functional as F
from torch import Tensor


class SequenceLoss(ABC):
    """The loss of scored steps, always summed: whoever holds all sums divides once."""

    @abstractmethod
    def sums(self, out: Tensor, y: Tensor) -> tuple[Tensor, Tensor | None]:
        """Summed loss of scored steps, and how many were predicted right (None: has no meaning).

        Args:
            out: (..., O), what the network says.
            y: (...) classes or (..., O) values.

        Raises:
            ValueError: if `y` is of the other kind.
        """

    @abstractmethod
    def metrics(self, loss: float, right: float | None) -> dict[str, float]:
        """Named figures from the loss and the share predicted right per scored step."""

    @abstractmethod
    def prediction(self, out: Tensor) -> Tensor:
        """(..., O) to the predicted classes (...) or values (..., O)."""

    @property
    @abstractmethod
    def monitored(self) -> str:
        """The metric that says which checkpoint is best; lower is better."""


class CrossEntropy(SequenceLoss):
    """Negative log-likelihood of the class, in nats (and bits)."""

    monitored = "nats_per_step"

    def sums(self, out: Tensor, y: Tensor) -> tuple[Tensor, Tensor | None]:
        if (
            y.is_floating_point() or y.shape != out.shape[:-1]
        ):  # floats would pass for probabilities of classes
            raise ValueError(
                f"CrossEntropy learns a class a step, but the targets {_are(y)}; use SquaredError"
            )
        right = None if torch.is_grad_enabled() else (out.argmax(-1) == y).sum()
        return F.cross_entropy(out.flatten(0, -2), y.flatten(), reduction="sum"), right

    def metrics(self, loss: float, right: float | None) -> dict[str, float]:
        figures = {"nats_per_step": loss, "bits_per_step": loss / log(2)}
        return figures if right is None else {**figures, "accuracy": right}

    def prediction(self, out: Tensor) -> Tensor:
        return out.argmax(-1)


class SquaredError(SequenceLoss):
    """Squared error, averaged over the values of a step."""

    monitored = "mse"

    def sums(self, out: Tensor, y: Tensor) -> tuple[Tensor, Tensor | None]:
        if y.shape != out.shape:  # they would be broadcast
            learns = f"{out.shape[-1]} values a step"
            raise ValueError(
                f"SquaredError learns {learns}, but the targets {_are(y)}; use CrossEntropy for classes"
            )
        total, width = F.mse_loss(out, y, reduction="sum"), out.shape[-1]
        return total if width == 1 else total / width, None

    def metrics(self, loss: float, right: float | None) -> dict[str, float]:
        return {"mse": loss}

    def prediction(self, out: Tensor) -> Tensor:
        return out


def _are(y: Tensor) -> str:
    return f"are {y.dtype} of shape {tuple(y.shape)}".replace("torch.", "")
