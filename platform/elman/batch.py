"""SequenceBatch: what data modules yield, strategies cut and tasks learn from."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["SequenceBatch", "at_first_step", "whole"]


class SequenceBatch(NamedTuple):
    """Rows of sequences, their targets, and the steps that count.

    Every relationship between sequences is a choice of `scored`; every strategy is a way of cutting
    time. `x`, `y` and `context` live on the training device; `scored`, `lengths`, `begins` and `warm`
    decide what runs, so they stay on the host, where reading them costs no wait; so do `weights`.

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
    """

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

    @property
    def steps(self) -> int:
        """Length of the time axis, padding included."""
        return self.x.shape[1]

    @property
    def is_first(self) -> Tensor:
        """(B,) bool, the rows that begin a sequence at step 0."""
        return self.begins[:, :1].any(1)

    @property
    def begins_inside(self) -> bool:
        """Whether a sequence begins after step 0 of a row."""
        return bool(self.begins[:, 1:].any())

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
        )


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
