"""Forecasts: pieces of series as examples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from datamodules.collecting.examples import Example
from datamodules.tables.learned import Learned, asked_for
from datamodules.tables.pieces import Piece
from datamodules.tables.scaling import Scaling
from datamodules.tables.series import Series

KEPT_BYTES = 64 << 20
"""Pieces of at most so many bytes together are made once."""


class Forecasts:
    """Examples: a piece of a series each.

    Args:
        series: all of them; their inputs are scaled here, in place.
        pieces: what each example holds.
        learned: what is predicted.
        scalings: of the inputs and the targets of each series.
        own: (n,) bool, the inputs that are targets too.
        places: for each text column, code -> place of its 1; the last entry, for code -1, says how many
            places there are, which is the place of none.
    """

    def __init__(
        self,
        series: Sequence[Series],
        pieces: Sequence[Piece],
        learned: Learned,
        scalings: Sequence[tuple[Scaling, Scaling]],
        *,
        own: np.ndarray,
        places: Sequence[np.ndarray],
    ) -> None:
        self.series, self.pieces, self.own = series, pieces, own
        self.horizon, self.difference = learned.horizon, learned.difference
        self.targets = [targets for _, targets in scalings]
        for each, (inputs, _) in zip(series, scalings, strict=True):  # a large table must not be held twice
            each.inputs = inputs.apply(each.inputs)
        self.known = [np.asarray(each.known.all(1)) for each in series]
        self.zero = [  # what 0 has become
            np.where(own, -inputs.shift / inputs.scale, 0).astype(np.float32) for inputs, _ in scalings
        ]
        self.scaled = learned.scaling == "series"
        self.places = [(np.eye(each[-1] + 1, each[-1], dtype=np.float32), each) for each in places]
        self.lengths = np.array([piece.stop - piece.start for piece in pieces], dtype=np.int64)

        width = len(own) + sum(int(each[-1]) for each in places)
        self.keep = 4 * width * int(self.lengths.sum()) <= KEPT_BYTES
        self.kept: dict[int, Example] = {}

    def window(self, number: int, start: int, stop: int) -> Example:
        if not self.keep:
            return self._made(number, start, stop)
        if number not in self.kept:  # every epoch asks for the same pieces
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
            zero = self.zero[piece.series]
            seen = np.where(self.own, (seen - zero) * np.float32(piece.gain) + zero, seen)
        x = [seen, *(marks[of[series.codes[first:last, n]]] for n, (marks, of) in enumerate(self.places))]
        targets = self.targets[piece.series]
        return Example(
            torch.from_numpy(np.concatenate(x, axis=1)),
            torch.from_numpy(targets.apply(asked)),
            torch.from_numpy(scored),
            scale=torch.from_numpy(targets.scale) if self.scaled else None,
        )
