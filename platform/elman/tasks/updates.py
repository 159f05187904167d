"""From the gradients of windows to optimiser steps: normalise, clip, check, step, count."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal, Protocol, get_args

import torch
import torch.distributed as dist
from torch import Tensor

from elman.batch import SequenceBatch
from elman.bptt import scored_steps
from elman.bptt.loss import Loss
from elman.errors import BadInput
from elman.tasks.gradient import Flags, FlatGradient
from elman.tasks.schedule import Schedule

Normaliser = Literal["auto", "steps", "scored", "sequence", "rows"]


class Watcher(Protocol):
    """Who looks at updates; it changes nothing."""

    def before(self, norm: float, *, clipped: bool) -> None:
        """An update is about to be made.

        Args:
            norm: of the normalised gradient, before clipping.
        """

    def after(self) -> None:
        """It was made."""

    def skipped(self) -> None:
        """One was skipped, since its gradient was not finite."""


class Steps(Protocol):
    """An optimiser, or Lightning's wrapper of one, which counts."""

    param_groups: list[dict[str, Any]]

    def step(self) -> Any: ...


@dataclass
class Accumulator:
    """Sums over the windows that wait for their step.

    Args:
        updates: windows that close an update.
        capacity: steps of all rows that these score if full.
        scored: steps they did score, or sequences where steps have weights.
        loss: their summed loss, a number or a tensor.
        lr_scale: sum of the factors on the learning rate that the strategy asked for.
        weight: what their summed loss counts as.
    """

    updates: int = 0
    capacity: int = 0
    scored: float = 0.0
    loss: Any = 0.0
    lr_scale: float = 0.0
    weight: float = 0.0


@dataclass
class RunningTotals:
    """Sums over the updates made since the last report; `scored` is what `loss` counts as."""

    loss: Any = 0.0
    scored: float = 0.0
    updates: int = 0
    clipped: int = 0
    norm: float = 0.0

    def sums(self) -> tuple[float, float]:
        """The loss so far, and what it counts as."""
        return float(self.loss), self.scored

    def mean_since(self, before: tuple[float, float]) -> float | None:
        """The mean loss of what came after those sums; None: nothing did."""
        scored = self.scored - before[1]
        return (float(self.loss) - before[0]) / scored if scored else None


@dataclass(frozen=True)
class Totals:
    """What all ranks bring to a batch: rows, the longest row axis, existing steps, what is scored."""

    rows: int
    steps: int
    existing: int
    scored: int

    @classmethod
    def of(cls, batch: SequenceBatch, *, ranks: int, device: torch.device) -> Totals:
        """Those of a batch, summed over `ranks` processes through tensors on `device`."""
        counts = [len(batch.x), int(batch.lengths.sum()), scored_steps([batch])]
        if ranks == 1:
            return cls(rows=counts[0], steps=batch.steps, existing=counts[1], scored=counts[2])
        total = torch.tensor(counts, device=device)
        longest = torch.tensor(batch.steps, device=device)
        dist.all_reduce(total)
        dist.all_reduce(longest, dist.ReduceOp.MAX)
        rows, existing, scored = total.tolist()
        return cls(rows=rows, steps=int(longest), existing=existing, scored=scored)


@dataclass
class Place:
    """Where training is.

    Args:
        totals: of the batch at hand.
        before: time steps seen before it.
        share: of the batch, what lies before the window at hand; with the last one it may go beyond 1.
    """

    totals: Totals
    before: int
    share: float = 0.0

    def progress(self, budget: int | None) -> float:
        """The share of a budget in time steps that was spent before this window; 0 without a budget."""
        if budget is None:
            return 0.0
        return min(1.0, (self.before + min(1.0, self.share) * self.totals.existing) / budget)


class Updates:
    """The state machine that owns every optimiser step.

    For each update: sum the gradients of its windows over ranks, divide once, clip, check that the
    norm is finite, set the learning rate, step, count. An update whose norm is not finite is
    skipped.

    Args:
        normaliser: what the summed loss of an update is divided by, counted over all ranks: `steps` =
            rows x steps a full update scores, so that a step in a short window weighs as any other;
            `scored` = scored steps of the update; `sequence` = scored steps of the batch, for one
            update a batch; `rows` = rows of the batch: a sum over the update's steps. `auto` takes `steps` if
            the first batch scores every step, else `scored`.
        clip: largest norm of the normalised gradient; None: no limit.
        accumulate: the strategy's updates joined into one, or "batch" for one update a batch.
        schedule: factor on the learning rate.
        skip_at_most: how many updates in a row may be skipped before the run stops; those beyond the first
            that one step alone can spoil, since windows look back to it, do not count.

    Raises:
        ValueError: for a value out of range.
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
        if normaliser not in get_args(Normaliser):
            raise ValueError(
                f"normaliser must be one of {', '.join(get_args(Normaliser))}, got {normaliser!r}"
            )
        if clip is not None and not clip > 0:
            raise ValueError(f"clip is a gradient norm and must be positive or null, got clip={clip}")
        if accumulate != "batch" and not (isinstance(accumulate, int) and accumulate >= 1):
            raise ValueError(
                f"accumulate counts updates and must be at least 1 or 'batch', got accumulate={accumulate}"
            )
        if skip_at_most < 0:
            raise ValueError(f"skip_at_most must not be negative, got skip_at_most={skip_at_most}")
        self.normaliser, self.clip, self.accumulate = normaliser, clip, accumulate
        self.schedule, self.skip_at_most = schedule, skip_at_most
        self.made = self.skipped = self.skipped_in_a_row = 0
        self.accumulator = Accumulator()
        self.opened = False  # the last window did not close its update
        self.total: Tensor | None = (
            None  # gradient of the waiting windows, where it is more than the buffer's
        )
        self.running = RunningTotals()
        self.gradient: FlatGradient | None = None
        self.watcher: Watcher | None = None

    def begin(self, gradient: FlatGradient, *, budget: int | None) -> None:
        """Take gradients from this buffer from now on, over a budget in time steps if there is one.

        Raises:
            BadInput: if the schedule falls over a budget that there is not.
        """
        if self.schedule.needs_budget and budget is None:
            name = type(self.schedule).__name__
            raise BadInput(f"schedule={name} falls over a budget; set the task's max_time_steps")
        self.gradient = gradient
        if self.total is not None:  # read from a checkpoint
            self.total = self.total.to(gradient.vector)

    def choose(self, totals: Totals, *, means: bool = False) -> None:
        """Settle `auto` by the first batch.

        Args:
            means: whether the strategy asks for the mean over what an update scored.
        """
        if self.normaliser == "auto":
            by_steps = totals.scored == totals.existing and not means
            self.normaliser = "steps" if by_steps else "scored"

    def take(self, flags: Flags, loss: Loss | None, *, capacity: int) -> bool:
        """Note what the reduced gradient in the buffer stands for; True if it is time to `step`.

        A window in which no rank scored a step is no update, unless it closes one.

        Args:
            loss: of the window, where one process knows it all.
            capacity: steps of all rows that a full update scores.
        """
        if not flags.scored and not self.opened:
            return False
        waiting = self.accumulator
        value = flags.loss if loss is None else loss.detach()
        waiting.loss = waiting.loss + value if waiting.updates or self.opened else value
        waiting.scored += flags.scored
        waiting.weight += flags.weight
        if flags.open or self.accumulate != 1 or self.total is not None:
            vector = self._buffer.vector
            self.total = vector.clone() if self.total is None else self.total.add_(vector)
        self.opened = bool(flags.open)
        if self.opened:
            return False
        waiting.updates += 1
        waiting.capacity += capacity
        waiting.lr_scale += flags.lr_scale / flags.working
        return self.accumulate != "batch" and waiting.updates >= self.accumulate

    @property
    def waiting(self) -> bool:
        """Whether whole windows wait for others to join them in an update."""
        return self.accumulator.updates > 0 and not self.opened

    @property
    def pending(self) -> bool:
        """Whether gradients wait for the end of the batch."""
        return self.accumulate == "batch" and self.waiting

    def step(self, optimizer: Steps, *, totals: Totals, progress: float) -> bool:
        """Divide, clip, check and step; False if the update is skipped.

        Args:
            totals: of the batch at hand.
            progress: share of the budget spent before this update.
        """
        vector, waiting = self._buffer.vector, self.accumulator
        if self.total is not None:
            vector.copy_(self.total)
        self.accumulator, self.total = Accumulator(), None
        if self.normaliser == "steps":
            divisor: float = waiting.capacity
        elif self.normaliser == "scored":
            divisor = waiting.scored
        elif self.normaliser == "rows":
            divisor = totals.rows
        else:
            divisor = max(totals.scored, waiting.scored)  # more if some waited since the batch before
        norm = float(torch.linalg.vector_norm(vector)) / divisor
        if not isfinite(norm):
            self.skipped += 1
            self.skipped_in_a_row += 1
            if self.watcher is not None:
                self.watcher.skipped()
            return False
        scale = 1.0 if self.clip is None else min(1.0, self.clip / (norm + 1e-6))
        vector.mul_(scale / divisor)
        scheduled = self.schedule.factor(progress=progress, updates=self.made)
        factor = scheduled * waiting.lr_scale / waiting.updates
        for group in optimizer.param_groups:
            group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor
        if self.watcher is not None:
            self.watcher.before(norm, clipped=scale < 1.0)
        optimizer.step()
        if self.watcher is not None:
            self.watcher.after()
        self.made += 1
        self.skipped_in_a_row = 0
        running = self.running
        running.updates += 1
        running.loss = running.loss + waiting.loss
        running.scored += waiting.weight
        running.norm += norm
        running.clipped += scale < 1.0
        return True

    def too_many(self, *, spoilt: int) -> str | None:
        """Whether more than `skip_at_most` updates in a row were skipped, in words; None: they were not.

        Args:
            spoilt: most updates in which one step takes part.
        """
        if self.skipped_in_a_row <= self.skip_at_most + (spoilt - 1 if self.skip_at_most else 0):
            return None
        return (
            f"{self.skipped_in_a_row} updates in a row had a gradient that is not finite, more than "
            f"model.skip_at_most={self.skip_at_most} allows"
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
            "opened": self.opened,
            "total": None if self.total is None else self.total.clone(),
            "accumulator": {**vars(self.accumulator), "loss": float(self.accumulator.loss)},
            "running": {**vars(self.running), "loss": float(self.running.loss)},
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        saved = dict(saved)
        waiting = saved.pop("accumulator")
        self.accumulator = Accumulator(**{"weight": waiting["scored"], **waiting})  # of before: without
        self.running = RunningTotals(**saved.pop("running"))
        for name, value in saved.items():
            setattr(self, name, value)
