"""From the gradients of windows to optimiser steps: normalise, clip, check, step, count."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from elman.errors import BadInput
from elman.tasks.gradient import FlatGradient, Flags
from elman.tasks.schedule import Schedule

Normaliser = Literal["auto", "steps", "scored", "sequence"]


class Steps(Protocol):
    """An optimiser, or Lightning's wrapper of one, which counts."""

    param_groups: list[dict[str, Any]]

    def step(self) -> Any: ...


@dataclass
class Since:
    """Sums since the last report."""

    loss: Any = 0.0
    scored: int = 0
    updates: int = 0
    clipped: int = 0
    norm: float = 0.0


@dataclass(frozen=True)
class Totals:
    """What all ranks bring to a batch: rows, the longest row axis, existing steps, scored steps."""

    rows: int
    steps: int
    existing: int
    scored: int


class Updates:
    """The state machine that owns every optimiser step.

    For each update: sum the gradients of its windows over ranks, divide once, clip, check that the
    norm is finite, set the learning rate, step, count. An update whose norm is not finite is
    skipped.

    Args:
        normaliser: what the summed loss of an update is divided by, counted over all ranks: `steps` =
            rows x steps a full update scores, so that a step in a short window weighs as any other;
            `scored` = scored steps of the update; `sequence` = scored steps of the batch, for one
            update a batch. `auto` takes `steps` if the first batch scores every step, else `scored`.
        clip: largest norm of the normalised gradient; None: no limit.
        accumulate: windows' updates joined into one, or "batch" for one update a batch.
        schedule: factor on the learning rate.
        skip_at_most: how many updates in a row may be skipped before the run stops.
    """

    def __init__(
        self,
        *,
        normaliser: Normaliser,
        clip: float | None,
        accumulate: int | Literal["batch"],
        schedule: Schedule,
        skip_at_most: int,
    ) -> None:
        if clip is not None and not clip > 0:
            raise ValueError(f"clip is a gradient norm and must be positive or null, got clip={clip}")
        if accumulate != "batch" and accumulate < 1:
            raise ValueError(
                f"accumulate counts updates and must be at least 1 or 'batch', got accumulate={accumulate}"
            )
        if skip_at_most < 0:
            raise ValueError(f"skip_at_most must not be negative, got skip_at_most={skip_at_most}")
        self.normaliser, self.clip, self.accumulate = normaliser, clip, accumulate
        self.schedule, self.skip_at_most = schedule, skip_at_most
        self.made = self.skipped = self.skipped_in_a_row = 0
        self.joined, self.joined_scored = 0, 0.0  # closed updates and scored steps that wait for their step
        self.opened = False  # the last window did not close its update
        self.total: Tensor | None = None  # their gradient, where it is more than the buffer's
        self.since = Since()
        self.gradient: FlatGradient | None = None

    def choose(self, totals: Totals) -> None:
        """Settle `auto` by the first batch."""
        if self.normaliser == "auto":
            self.normaliser = "steps" if totals.scored == totals.existing else "scored"

    def take(self, flags: Flags, loss: Tensor | None) -> bool:
        """Note what the reduced gradient in the buffer stands for; True if an update is complete.

        A window in which no rank scored a step is no update, unless it closes one.
        """
        if not flags.scored and not self.opened:
            return False
        self.since.loss = self.since.loss + (loss.detach() if loss is not None else flags.loss)
        self.since.scored += int(flags.scored)
        self.joined_scored += flags.scored
        if flags.open or self.accumulate != 1 or self.total is not None:
            vector = self._buffer.vector
            self.total = vector.clone() if self.total is None else self.total.add_(vector)
        self.opened = bool(flags.open)
        self.joined += not self.opened
        return not self.opened and self.accumulate != "batch" and self.joined >= self.accumulate

    @property
    def pending(self) -> bool:
        """Whether gradients wait for the end of the batch."""
        return self.accumulate == "batch" and self.joined > 0

    def step(self, optimizer: Steps, *, totals: Totals, full: int, progress: float, lr_scale: float) -> None:
        """Divide, clip, check and step.

        Args:
            totals: of the batch at hand.
            full: steps of a row that a full update scores.
            progress: share of the budget spent.
            lr_scale: factor the strategy asks for.

        Raises:
            BadInput: if more than `skip_at_most` updates in a row had no finite gradient.
        """
        vector = self._buffer.vector
        if self.total is not None:
            vector.copy_(self.total)
        divisor = {
            "steps": totals.rows * full * self.joined,
            "scored": self.joined_scored,
            "sequence": totals.scored,
        }[self.normaliser]
        self.joined, self.joined_scored, self.total = 0, 0.0, None
        norm = float(torch.linalg.vector_norm(vector)) / divisor
        if not isfinite(norm):
            self._skip()
            return
        scale = 1.0 if self.clip is None else min(1.0, self.clip / (norm + 1e-6))
        vector.mul_(scale / divisor)
        factor = self.schedule.factor(progress=progress, updates=self.made) * lr_scale
        for group in optimizer.param_groups:
            group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor
        optimizer.step()
        self.made += 1
        self.skipped_in_a_row = 0
        self.since.updates += 1
        self.since.norm += norm
        self.since.clipped += scale < 1.0

    def _skip(self) -> None:
        self.skipped += 1
        self.skipped_in_a_row += 1
        if self.skipped_in_a_row > self.skip_at_most:
            raise BadInput(
                f"{self.skipped_in_a_row} updates in a row had a gradient that is not finite, more than "
                f"model.skip_at_most={self.skip_at_most} allows; lower the learning rate or model.clip"
            )

    @property
    def _buffer(self) -> FlatGradient:
        assert self.gradient is not None, "the gradient buffer is made when training starts"
        return self.gradient

    def state_dict(self) -> dict[str, Any]:
        """Counters, the settled normaliser and gradients that wait for their step."""
        return {
            "normaliser": self.normaliser,
            "made": self.made,
            "skipped": self.skipped,
            "skipped_in_a_row": self.skipped_in_a_row,
            "joined": self.joined,
            "opened": self.opened,
            "joined_scored": self.joined_scored,
            "total": None if self.total is None else self.total.clone(),
            "since": {**vars(self.since), "loss": float(self.since.loss)},
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        saved = dict(saved)
        self.since = Since(**saved.pop("since"))
        for name, value in saved.items():
            setattr(self, name, value)
