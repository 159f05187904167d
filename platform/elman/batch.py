"""SequenceBatch: what data modules yield, strategies cut and tasks learn from."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["SequenceBatch", "whole"]


class SequenceBatch(NamedTuple):
    """Rows of sequences, their targets, and the steps that count.

    Every relationship between sequences is a choice of `scored`; every strategy is a way of cutting
    time. `x`, `y` and `context` live on the training device; `scored`, `lengths` and `is_first`
    decide what runs, so they stay on the host, where reading them costs no wait.

    Args:
        x: inputs, (B, T, F) values or (B, T) ids.
        y: targets, (B, T) classes or (B, T, O) values; None when predicting.
        scored: (B, T) bool, the steps that count in the loss; never a step beyond `lengths`.
        lengths: (B,) int, steps of the row that exist; padding only trails.
        is_first: (B,) bool, row b begins a new sequence at step 0; otherwise it continues row b of
            the batch before. Sequences begin nowhere else.
        is_last: nothing continues this batch.
        context: a tensor or tuple of tensors (B, ...) known before step 0, kept by every window.
        scale: (B, O) what 1 in y stands for in each row, in the data's own units; None: the same in all.
    """

    x: Tensor
    y: Tensor | None
    scored: Tensor
    lengths: Tensor
    is_first: Tensor
    is_last: bool = True
    context: Tensor | tuple[Tensor, ...] | None = None
    scale: Tensor | None = None

    @property
    def steps(self) -> int:
        """Length of the time axis, padding included."""
        return self.x.shape[1]

    def window(self, start: int, stop: int, *, score_from: int | None = None) -> SequenceBatch:
        """Steps [start, stop) of every row; only a window from step 0 keeps `is_first`.

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
            is_first=self.is_first if start == 0 else torch.zeros_like(self.is_first),
            is_last=self.is_last and stop == self.steps,
            context=self.context,
            scale=self.scale,
        )


def whole(x: Tensor, y: Tensor | None, *, scored: Tensor | None = None) -> SequenceBatch:
    """A batch of complete sequences of equal length, every step scored unless `scored` says less."""
    row_count, steps = x.shape[:2]
    return SequenceBatch(
        x=x,
        y=y,
        scored=torch.ones(row_count, steps, dtype=torch.bool) if scored is None else scored,
        lengths=torch.full((row_count,), steps),
        is_first=torch.ones(row_count, dtype=torch.bool),
    )
