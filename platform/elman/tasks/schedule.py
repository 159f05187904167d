"""The learning rate over a run, as a factor on the optimiser's own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import cos, inf, pi, sqrt


class Schedule(ABC):
    """A factor on the learning rate, asked for before every update."""

    needs_budget: bool
    """True if `progress` must mean something, so that a budget in time steps must be set."""

    @abstractmethod
    def factor(self, *, progress: float, updates: int) -> float:
        """The factor for the next update.

        Args:
            progress: share of the budget in time steps that is spent, in [0, 1].
            updates: updates made so far.
        """


class Constant(Schedule):
    """The optimiser's learning rate throughout, after a linear warm-up.

    Args:
        warmup: updates over which the factor rises from nearly 0 to 1.
    """

    needs_budget = False

    def __init__(self, *, warmup: int = 0) -> None:
        if warmup < 0:
            raise ValueError(f"warmup counts updates and must not be negative, got warmup={warmup}")
        self.warmup = warmup

    def factor(self, *, progress: float, updates: int) -> float:
        return min(1.0, (updates + 1) / (self.warmup + 1))


class Cosine(Schedule):
    """From the optimiser's learning rate down half a cosine, after a linear warm-up.

    Args:
        warmup: updates over which the factor rises from nearly 0 to 1.
        floor: factor at the end of the budget.

    Source: Loshchilov and Hutter (2017), ICLR, equation 5, without restarts.
    """

    needs_budget = True

    def __init__(self, *, warmup: int = 0, floor: float = 0.0) -> None:
        if warmup < 0:
            raise ValueError(f"warmup counts updates and must not be negative, got warmup={warmup}")
        if not 0 <= floor <= 1:
            raise ValueError(f"floor is a factor and must lie in [0, 1], got floor={floor}")
        self.warmup, self.floor = warmup, floor

    def factor(self, *, progress: float, updates: int) -> float:
        fall = self.floor + (1 - self.floor) * (1 + cos(pi * min(progress, 1.0))) / 2
        return fall * min(1.0, (updates + 1) / (self.warmup + 1))


class InverseSquareRoot(Schedule):
    """The optimiser's learning rate divided by 1 + `decay` sqrt(n), n counting the updates made so far.

    Args:
        decay: 0 leaves the rate as it is; larger values lower it sooner.

    Raises:
        ValueError: if `decay` is negative.

    Source: Tallec and Ollivier (2018), arXiv 1702.05043, section 5, where decay is called alpha.
    """

    needs_budget = False

    def __init__(self, *, decay: float = 0.03) -> None:
        if not 0 <= decay < inf:
            raise ValueError(f"decay must not be negative, got decay={decay}")
        self.decay = decay

    def factor(self, *, progress: float, updates: int) -> float:
        return 1 / (1 + self.decay * sqrt(updates))
