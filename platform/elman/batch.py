"""SequenceBatch: what data modules yield, strategies cut and tasks learn from."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor

__all__ = ["SequenceBatch", "at_first_step", "whole"]

Found = TypeVar("Found")


class _Fields(NamedTuple):
    x: Tensor
    y: Tensor | None
    scored: Tensor
    lengths: Tensor
    begins: Tensor
    is_last: bool = True
    context: Tensor | tuple[Tensor, ...] | None = None
    scale: Tensor | None = None
    warm: Tensor | None = None
    weights: Tensor | None = None
    keys: Tensor | None = None


class of_masks(Generic[Found]):  # noqa: N801  (reads as a property)
    """A property of a batch, kept until somebody writes to one of the batch's masks."""

    def __init__(self, find: Callable[[Any], Found]) -> None:
        self.find, self.name, self.__doc__ = find, find.__name__, find.__doc__

    def __get__(self, batch: SequenceBatch, owner: Any = None) -> Found:
        if batch is None:
            return self  # type: ignore[return-value]
        known = known_of(batch)
        if self.name not in known:
            known[self.name] = self.find(batch)
        return known[self.name]

    def __set__(self, batch: SequenceBatch, value: Any) -> None:  # with it, `__get__` comes before `__dict__`
        raise AttributeError(f"{self.name} follows from the masks")


def known_of(batch: SequenceBatch) -> dict[str, Any]:
    """What was found out about a batch's masks as they are."""
    known = batch.__dict__
    try:
        versions = (batch.scored._version, batch.lengths._version, batch.begins._version)
    except RuntimeError:  # of inference, where torch does not count what is written
        versions = (0, 0, 0)
    if known.get("versions") != versions:
        known.clear()
        known["versions"] = versions
    return known


class SequenceBatch(_Fields):
    """Rows of sequences, their targets, and the steps that count.

    Every relationship between sequences is a choice of `scored`; every strategy is a way of cutting
    time. `x`, `y` and `context` live on the training device; `scored`, `lengths`, `begins` and `warm`
    decide what runs, so they stay on the host, where reading them costs no wait; so do `weights`.
    What is found out about them is kept until one is written to.

    Args:
        x: inputs, (B, T, F) values or (B, T) ids.
        y: targets, (B, T) classes or (B, T, O) values; None when predicting.
        scored: (B, T) bool, the steps that count in the loss; never a step beyond `lengths`.
        lengths: (B,) int, steps of the row that exist; padding only trails.
        begins: (B, T) bool, a new sequence begins at this step of this row. A row that does not begin at
            step 0 continues row b of the batch before; no sequence begins at or beyond `lengths`, except at
            step 0.
        is_last: nothing continues this batch.
        context: a tensor or tuple of tensors (B, ...) known before step 0, kept by every window.
        scale: (B, O) what 1 in y stands for in each row, in the data's own units, or (B, T, O) where that
            differs within rows; None: the same in all.
        warm: (B,) int, how many steps at the row's start only warm the carry: none of them is scored, and the
            carry after them is taken as given; None: no row has any.
        weights: (B, T) float64, factors on the loss of scored steps, which add up to 1 in every sequence;
            what a window scores is then counted in sequences. None: there are none.
        keys: (B, T, 3) int64, from which noise on what recurs is drawn, of the step, of the batch and of the
            sequence; None: none is.
    """

    @property
    def steps(self) -> int:
        """Length of the time axis, padding included."""
        return self.x.shape[1]

    @of_masks
    def is_first(self) -> Tensor:
        """(B,) bool, the rows that begin a sequence at step 0."""
        return self.begins[:, :1].any(1)

    @of_masks
    def first_rows(self) -> int:
        """How many these are."""
        return int(self.is_first.count_nonzero())

    @of_masks
    def begins_inside(self) -> bool:
        """Whether a sequence begins after step 0 of a row."""
        return bool(self.begins[:, 1:].any())

    @of_masks
    def scored_count(self) -> int:
        """Steps that count, of all rows."""
        return int(torch.count_nonzero(self.scored))

    @of_masks
    def all_scored(self) -> bool:
        """Whether all do, padding included."""
        return self.scored_count == self.scored.numel()

    @of_masks
    def complete(self) -> bool:
        """Whether every row has every step."""
        return bool((self.lengths >= self.steps).all())

    @of_masks
    def plain(self) -> bool:
        """Whether windows differ in no more than x and y: all scored, complete, none begins inside."""
        rest = self.scale is None and self.warm is None and self.weights is None
        return rest and self.all_scored and self.complete and not self.begins_inside

    def number_in_row(self, row: int, step: int) -> int:
        """Which of the row's sequences the step belongs to, from 0."""
        return int(self.begins[row, 1 : step + 1].sum())

    def restarted(self, rows: Tensor | None = None) -> SequenceBatch:
        """The same steps, at the first of which `rows` (B,) bool begin a sequence too; None: all rows do."""
        begins = self.begins.clone()
        begins[:, :1] |= True if rows is None else rows[:, None]
        return self._replace(begins=begins)

    def window(self, start: int, stop: int, *, score_from: int | None = None) -> SequenceBatch:
        """Steps [start, stop) of every row.

        Args:
            start, stop: steps of this batch, 0 <= start <= stop <= T.
            score_from: steps of this batch before it are not scored in the window.
        """
        if start == 0 and stop == self.steps and (score_from or 0) <= 0:
            return self
        if self.plain:
            return self._plain_window(start, stop, unscored=max(0, (score_from or 0) - start))
        scored = self.scored[:, start:stop]
        if score_from is not None and score_from > start:
            scored = scored.clone()
            scored[:, : score_from - start] = False
        return SequenceBatch(
            x=self.x[:, start:stop],
            y=None if self.y is None else self.y[:, start:stop],
            scored=scored,
            lengths=(self.lengths - start).clamp(0, stop - start),
            begins=self.begins[:, start:stop],
            is_last=self.is_last and stop == self.steps,
            context=self.context,
            scale=self.scale if self.scale is None or self.scale.dim() < 3 else self.scale[:, start:stop],
            warm=None if self.warm is None else (self.warm - start).clamp(0, stop - start),
            weights=None if self.weights is None else self.weights[:, start:stop],
            keys=None if self.keys is None else self.keys[:, start:stop],
        )

    def _plain_window(self, start: int, stop: int, *, unscored: int) -> SequenceBatch:
        """As `window`, its masks those of all such windows."""
        masks = _plain_masks(self.lengths.shape[0], stop - start, min(unscored, stop - start))
        window = SequenceBatch(
            self.x[:, start:stop],
            None if self.y is None else self.y[:, start:stop],
            masks.scored.clone(),
            masks.lengths.clone(),
            masks.begins.clone() if start else self.begins[:, :stop],
            self.is_last and stop == self.steps,
            self.context,
            keys=None if self.keys is None else self.keys[:, start:stop],
        )
        known_of(window).update(masks.facts if start else masks.facts_of_first)
        return window


class _PlainMasks(NamedTuple):
    scored: Tensor
    lengths: Tensor
    begins: Tensor
    facts: dict[str, Any]
    facts_of_first: dict[str, Any]  # of a window at step 0, whose rows may begin


@lru_cache(maxsize=256)
def _plain_masks(rows: int, steps: int, unscored: int) -> _PlainMasks:
    """Those of rows that go on and are scored but for their first steps, and what is known of them."""
    scored = torch.ones(rows, steps, dtype=torch.bool)
    scored[:, :unscored] = False
    lengths, none = torch.full((rows,), steps), torch.zeros(rows, steps, dtype=torch.bool)
    first = {"begins_inside": False, "complete": True, "scored_count": rows * (steps - unscored)}
    facts = {**first, "is_first": torch.zeros(rows, dtype=torch.bool), "first_rows": 0}
    return _PlainMasks(scored, lengths, none, facts, first)


def at_first_step(rows: Tensor, steps: int) -> Tensor:
    """(B, steps) bool for `SequenceBatch.begins`: `rows` (B,) bool begin at step 0, nothing begins inside."""
    begins = torch.zeros(len(rows), steps, dtype=torch.bool)
    begins[:, :1] = rows[:, None]
    return begins


def whole(x: Tensor, y: Tensor | None, *, scored: Tensor | None = None) -> SequenceBatch:
    """A batch of complete sequences of equal length, every step scored unless `scored` says less."""
    row_count, steps = x.shape[:2]
    return SequenceBatch(
        x=x,
        y=y,
        scored=torch.ones(row_count, steps, dtype=torch.bool) if scored is None else scored,
        lengths=torch.full((row_count,), steps),
        begins=at_first_step(torch.ones(row_count, dtype=torch.bool), steps),
    )
