"""What is learned at a scored step: a class or a value."""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import log

import torch
import torch.nn.functional as F
from torch import Tensor


class SequenceLoss(ABC):
    """The loss of scored steps, always summed: it is divided once, where all sums are known."""

    @abstractmethod
    def sums(self, out: Tensor, y: Tensor) -> tuple[Tensor, Tensor | None]:
        """Summed loss of scored steps, and what else is summed for `metrics` where no gradient is taken.

        Args:
            out: (..., O), the network's outputs.
            y: (...) classes or (..., O) values.

        Raises:
            ValueError: if `y` is of the other kind.
        """

    def weighted(self, out: Tensor, y: Tensor, weights: Tensor) -> Tensor:
        """Summed loss of scored steps, that of each times its weight: here, a call of `sums` for each weight.

        Args:
            out, y: as of `sums`, (N, ...).
            weights: (N,).
        """
        alike = [(weight, weights == weight) for weight in weights.unique()]
        return torch.stack([weight * self.sums(out[at], y[at])[0] for weight, at in alike]).sum()

    def slopes(self, out: Tensor, y: Tensor) -> tuple[Tensor, Tensor] | None:
        """The summed loss that training takes, smoothed if it is, and its gradient by `out`.

        None: only autograd knows it.

        Args:
            out, y: as of `sums`.
        """
        return None

    @property
    def knows_slopes(self) -> bool:
        """Whether `slopes` is that of `sums`: no class below the one that has it writes other sums."""
        mro = type(self).__mro__
        wrote = [next(n for n, cls in enumerate(mro) if name in vars(cls)) for name in ("slopes", "sums")]
        return wrote[0] <= wrote[1]

    @abstractmethod
    def metrics(self, loss: float, tally: Tensor | None, scale: Tensor | None = None) -> dict[str, float]:
        """Named metrics from the means, over scored steps, of what `sums` gave.

        Args:
            loss: mean loss.
            tally: mean of the second sum; None where there is none.
            scale: (O,) what 1 in y stands for, in the data's own units.
        """

    @abstractmethod
    def prediction(self, out: Tensor) -> Tensor:
        """(..., O) to the predicted classes (...) or values (..., O)."""

    def weigh(self, class_counts: Tensor | None) -> None:  # noqa: B027  (most weigh all alike)
        """Take how often each class is a target in training, before anything is trained."""

    @property
    @abstractmethod
    def monitored(self) -> str:
        """The metric by which the best checkpoint is known; lower is better."""


class CrossEntropy(SequenceLoss):
    """Negative log-likelihood of the class, in nats (and bits).

    Args:
        balance: weigh each class by N / (K n_k), n_k of N training targets in K classes, so that all classes
            weigh alike; the weights average 1 over the training targets. Metrics are weighed too.
        label_smoothing: share of the target spread evenly over all classes, in training alone.

    Raises:
        ValueError: if `label_smoothing` is outside [0, 1).
    """

    monitored = "nats_per_step"

    def __init__(self, *, balance: bool = False, label_smoothing: float = 0.0) -> None:
        if not 0 <= label_smoothing < 1:
            raise ValueError(
                f"label_smoothing is a share and must lie in [0, 1), got label_smoothing={label_smoothing}"
            )
        self.balance, self.label_smoothing = balance, label_smoothing
        self.weights: Tensor | None = None

    def weigh(self, class_counts: Tensor | None) -> None:
        if not self.balance or class_counts is None:  # who only predicts need not know
            return
        counts = class_counts.double()
        weights = counts.sum() / (counts.count_nonzero() * counts.clamp(min=1))
        self.weights = torch.where(counts > 0, weights, 0.0)

    def sums(self, out: Tensor, y: Tensor) -> tuple[Tensor, Tensor | None]:
        loss = self._losses(out, y, reduction="sum")
        return loss, None if torch.is_grad_enabled() else (out.argmax(-1) == y).sum()

    def weighted(self, out: Tensor, y: Tensor, weights: Tensor) -> Tensor:
        """As of any loss, in one call."""
        return self._losses(out, y, reduction="none") @ weights

    def _losses(self, out: Tensor, y: Tensor, *, reduction: str) -> Tensor:
        self._check(out, y)
        return F.cross_entropy(
            out.flatten(0, -2),
            y.flatten(),
            weight=self._weights(out),
            label_smoothing=self.label_smoothing if torch.is_grad_enabled() else 0.0,
            reduction=reduction,
        )

    def _weights(self, out: Tensor) -> Tensor | None:
        if self.balance and self.weights is None:
            raise ValueError("balance weighs classes by how often they come, which this data does not count")
        return None if self.weights is None else self.weights.to(out)

    def slopes(self, out: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """As of any loss: with q the weighed and smoothed target, p sum(q) - q of each step."""
        self._check(out, y)
        classes, logs, weights = y.flatten(), out.flatten(0, -2).log_softmax(-1), self._weights(out)
        if weights is None and not self.label_smoothing:
            loss = F.nll_loss(logs, classes, reduction="sum")
            slopes = logs.exp_()
            slopes[torch.arange(len(classes), device=out.device), classes] -= 1
            return loss, slopes.view_as(out)
        weights = out.new_ones(out.shape[-1]) if weights is None else weights
        target = (weights * (self.label_smoothing / len(weights))).expand_as(logs).clone()
        own = (1 - self.label_smoothing) * weights[classes]
        target.scatter_add_(1, classes[:, None], own[:, None])
        loss = -(target * logs).sum()
        return loss, logs.exp_().mul_(target.sum(1, keepdim=True)).sub_(target).view_as(out)

    def _check(self, out: Tensor, y: Tensor) -> None:
        if y.is_floating_point() or y.shape != out.shape[:-1]:  # floats would pass for chances of classes
            raise ValueError(
                f"CrossEntropy learns a class a step, but the targets {_are(y)}; use SquaredError"
            )

    def metrics(self, loss: float, tally: Tensor | None, scale: Tensor | None = None) -> dict[str, float]:
        metrics = {"nats_per_step": loss, "bits_per_step": loss / log(2)}
        return metrics if tally is None else {**metrics, "accuracy": float(tally)}

    def prediction(self, out: Tensor) -> Tensor:
        return out.argmax(-1)


class BinaryCrossEntropy(SequenceLoss):
    """Negative log-likelihood of O answers of yes or no at a step, in nats, summed over the answers."""

    monitored = "nats_per_step"

    def sums(self, out: Tensor, y: Tensor) -> tuple[Tensor, Tensor | None]:
        if not y.is_floating_point() or y.shape != out.shape:
            learns = f"{out.shape[-1]} answers from 0 to 1 a step"
            raise ValueError(
                f"BinaryCrossEntropy learns {learns}, but the targets {_are(y)}; use CrossEntropy for classes"
            )
        return F.binary_cross_entropy_with_logits(out, y, reduction="sum"), None

    def slopes(self, out: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return self.sums(out, y)[0], torch.sigmoid(out) - y

    def metrics(self, loss: float, tally: Tensor | None, scale: Tensor | None = None) -> dict[str, float]:
        return {"nats_per_step": loss}

    def prediction(self, out: Tensor) -> Tensor:
        return torch.sigmoid(out)


MOST_NAMED = 8  # values of a step that get a metric of their own


class SquaredError(SequenceLoss):
    """Squared error, averaged over the values of a step; its root in the data's own units beside it."""

    monitored = "mse"

    def sums(self, out: Tensor, y: Tensor) -> tuple[Tensor, Tensor | None]:
        self._check(out, y)
        width = out.shape[-1]
        if torch.is_grad_enabled():
            total = F.mse_loss(out, y, reduction="sum")
            return total if width == 1 else total / width, None
        squares = (out.double() - y.double()).square().flatten(0, -2).sum(0)  # (O,)
        return squares.mean().to(out.dtype), squares

    def slopes(self, out: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        self._check(out, y)
        error, width = out - y, out.shape[-1]
        total = error.square().sum()
        return total if width == 1 else total / width, error.mul_(2 / width)

    def _check(self, out: Tensor, y: Tensor) -> None:
        if y.shape != out.shape:  # they would be broadcast
            learns = f"{out.shape[-1]} values a step"
            raise ValueError(
                f"SquaredError learns {learns}, but the targets {_are(y)}; use CrossEntropy for classes"
            )

    def metrics(self, loss: float, tally: Tensor | None, scale: Tensor | None = None) -> dict[str, float]:
        if tally is None or len(tally) > MOST_NAMED:
            return {"mse": loss}
        roots = tally.double().sqrt() * (1.0 if scale is None else scale.double().to(tally.device))
        if len(roots) == 1:
            return {"mse": loss, "rmse": float(roots)}
        return {"mse": loss, **{f"rmse_{number}": float(root) for number, root in enumerate(roots)}}

    def prediction(self, out: Tensor) -> Tensor:
        return out


def _are(y: Tensor) -> str:
    return f"are {y.dtype} of shape {tuple(y.shape)}".replace("torch.", "")
