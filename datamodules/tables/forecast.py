"""Forecasts: pieces of series as examples, and the errors of those who need no network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from datamodules.collecting.examples import Example
from datamodules.tables.baselines import Target, linear_rmse, repeat_rmse
from datamodules.tables.pieces import Piece
from datamodules.tables.scaling import Scaling
from datamodules.tables.series import Series

KEPT_BYTES = 64 << 20
"""Pieces of at most so many bytes together are made once."""

Span = tuple[int, int, int]
"""Series, and the rows [start, stop) of it that are asked for."""


class Forecasts:
    """Examples: a piece of a series each.

    Args:
        series: all of them; their inputs are scaled here, in place.
        pieces: what each example holds.
        horizon: rows between what is seen and what is asked for.
        difference: ask for the change since the row that is seen.
        own: (n,) bool, the inputs that are targets too.
        inputs: scaling of the numeric inputs.
        targets: scaling of what is asked for.
        places: for each text column, code -> place of its 1; the last entry, for code -1, says how many
            places there are, which is the place of none.
    """

    def __init__(
        self,
        series: Sequence[Series],
        pieces: Sequence[Piece],
        *,
        horizon: int,
        difference: bool,
        own: np.ndarray,
        inputs: Scaling,
        targets: Scaling,
        places: Sequence[np.ndarray],
    ) -> None:
        self.series, self.pieces, self.horizon, self.difference = series, pieces, horizon, difference
        self.targets = targets
        for each in series:  # in place of the raw ones: a large table must not be held twice
            each.inputs = inputs.apply(each.inputs)
        self.known = [np.asarray(each.known.all(1)) for each in series]
        self.zero = np.where(own, -inputs.shift / inputs.scale, 0).astype(np.float32)  # what 0 has become
        self.own = own
        self.places = [(np.eye(each[-1] + 1, each[-1], dtype=np.float32), each) for each in places]
        self.lengths = np.array([piece.stop - piece.start for piece in pieces], dtype=np.int64)

        width = len(own) + sum(int(each[-1]) for each in places)
        self.keep = 4 * width * int(self.lengths.sum()) <= KEPT_BYTES
        self.kept: dict[int, Example] = {}

    def window(self, number: int, start: int, stop: int) -> Example:
        if not self.keep:
            return self._made(number, start, stop)
        if number not in self.kept:  # every pass asks for the same pieces
            self.kept[number] = self._made(number, 0, int(self.lengths[number]))
        whole = self.kept[number]
        return whole if (start, stop) == (0, whole.steps) else whole.window(start, stop)

    def _made(self, number: int, start: int, stop: int) -> Example:
        piece = self.pieces[number]
        series, first, last = self.series[piece.series], piece.start + start, piece.start + stop
        asked = asked_for(series, first, last, horizon=self.horizon, difference=self.difference)
        scored = self.known[piece.series][first + self.horizon : last + self.horizon].copy()
        scored[: max(0, piece.scored - first)] = False
        seen = series.inputs[first:last]
        if piece.gain != 1:
            asked = asked * piece.gain
            seen = np.where(self.own, (seen - self.zero) * np.float32(piece.gain) + self.zero, seen)
        x = [seen, *(marks[of[series.codes[first:last, n]]] for n, (marks, of) in enumerate(self.places))]
        return Example(
            torch.from_numpy(np.concatenate(x, axis=1)),
            torch.from_numpy(self.targets.apply(asked)),
            torch.from_numpy(scored),
        )


def asked_for(series: Series, start: int, stop: int, *, horizon: int, difference: bool) -> np.ndarray:
    """(T, O) what steps [start, stop) are asked for, in the file's units."""
    value = series.targets[start + horizon : stop + horizon]
    return value - series.targets[start:stop] if difference else value


def floors(
    series: Sequence[Series],
    before: Sequence[Span],
    scored: Sequence[Span],
    *,
    horizon: int,
    prefix: str = "",
) -> dict[str, float]:
    """Root mean squared errors of repeating the last value, and of a linear autoregression, of each target.

    Args:
        before: rows that the autoregression is fitted to.
        scored: rows that are told.
        prefix: of the names of the figures.
    """
    figures = {}
    targets = series[0].targets.shape[1] if series else 0
    for target in range(targets):

        def of(spans: Sequence[Span], target: int = target) -> list[Target]:
            return [
                Target(series[number].targets[:, target], series[number].known[:, target], start, stop)
                for number, start, stop in spans
            ]

        told, end = of(scored), f"_{target}" if targets > 1 else ""
        figures[f"{prefix}repeat_rmse{end}"] = repeat_rmse(told, horizon=horizon)
        figures[f"{prefix}linear24_rmse{end}"] = linear_rmse(of(before), told, horizon=horizon)
    return {name: round(value, 6) for name, value in figures.items() if np.isfinite(value)}
