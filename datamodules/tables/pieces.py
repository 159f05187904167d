"""Pieces: series cut into sequences that train, validate or test, each with a run-up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from datamodules.collecting.findings import BadOnes
from datamodules.collecting.partition import PART_NAMES
from datamodules.sequence_data import check_counts
from elman.errors import BadInput


class Piece(NamedTuple):
    """Steps [start, stop) of a series; those before `scored` are run and not scored.

    Step t reads row t and predicts the target of row t + horizon. `part` is empty where whole series are
    divided. The target is multiplied by `gain`, as input and as what is predicted.
    """

    series: int
    part: str
    start: int
    scored: int
    stop: int
    gain: float = 1.0

    def name(self, series: str, horizon: int) -> str:
        """The rows of a series that it predicts."""
        times = "" if self.gain == 1 else f" x {self.gain:g}"
        return f"{series} rows {self.scored + horizon + 1}-{self.stop + horizon}{times}"


Span = tuple[int, int, int]
"""Series, and the rows [start, stop) of it that are predicted."""


@dataclass(frozen=True, kw_only=True)
class Cutting:
    """How series become pieces; the arguments are those of `Table`.

    Args:
        shares: of the parts, in the order of time; None: series stay whole.
        batch_size: how many pieces one series makes for training where `piece` does not say.

    Raises:
        ValueError: for a value out of range.
    """

    shares: tuple[float, float, float] | None
    horizon: int
    warmup: int
    piece: int | None
    stride: int | None
    batch_size: int
    gains: Sequence[float]

    def __post_init__(self) -> None:
        check_counts(0, horizon=self.horizon, warmup=self.warmup)
        check_counts(1, **{name: n for name in ("piece", "stride") if (n := getattr(self, name)) is not None})
        if self.shares is None and (self.piece or self.stride or self.gains != [1.0]):
            raise ValueError("piece, stride and gains are for series cut by time; set split_by=time")
        if self.stride is not None and (self.piece is None or self.stride > self.piece):
            raise ValueError(
                "stride needs a piece of at least as many steps, "
                f"got stride={self.stride}, piece={self.piece}"
            )
        if not self.gains or not all(0 < gain < float("inf") for gain in self.gains):
            raise ValueError(f"gains must be factors above 0, at least one, got {self.gains}")

    def pieces(self, names: Sequence[str], rows: Sequence[int], bad: BadOnes) -> list[Piece]:
        """Those of all series that are long enough.

        Args:
            names, rows: of every series.
            bad: what to do with one that is too short.
        """
        found: list[Piece] = []
        for number, (name, count) in enumerate(zip(names, rows, strict=True)):
            with bad.checking(name, offered=len(rows) > 1):
                if count <= self.horizon:
                    raise BadInput(
                        f"{name}: {count} rows are too few for data.horizon={self.horizon}; give more"
                    )
                if self.shares is None:
                    found.append(Piece(number, "", 0, 0, count - self.horizon))
                else:
                    found += self._by_time(number, name, count, alone=len(rows) == 1)
        return found

    def _by_time(self, number: int, name: str, rows: int, *, alone: bool) -> list[Piece]:
        """One series in all three parts, divided by the predicted row: training reads no later one."""
        assert self.shares is not None
        val, test = borders(rows, self.shares)
        spans = [(self.horizon, val), (max(val, self.horizon), test), (max(test, self.horizon), rows)]
        for part, (first, last), share in zip(PART_NAMES, spans, self.shares, strict=True):
            if share and first >= last:
                raise BadInput(
                    f"{name}: {rows} rows leave none for {part} (data.split.shares={list(self.shares)}, "
                    f"data.horizon={self.horizon}); give more"
                )
        asked = val - self.horizon
        piece = self.piece or (-(-asked // self.batch_size) if alone else asked)
        stride = self.stride or piece
        found = [
            self._piece(number, "train", first, min(first + piece, val))._replace(gain=gain)
            for gain in self.gains
            for first in range(self.horizon, val, stride)
            if first == self.horizon or first + piece - stride < val  # the one before does not reach the end
        ]
        return found + [
            self._piece(number, part, first, last)
            for part, (first, last) in zip(PART_NAMES[1:], spans[1:], strict=True)
            if first < last
        ]

    def _piece(self, number: int, part: str, first: int, last: int) -> Piece:
        """The piece that predicts rows [first, last)."""
        scored = first - self.horizon
        return Piece(number, part, max(0, scored - self.warmup), scored, last - self.horizon)


def spans(pieces: Sequence[Piece], numbers: np.ndarray, *, horizon: int) -> list[Span]:
    """Of every series in a part, the rows that are predicted.

    Args:
        numbers: of the pieces of the part.
    """
    of: dict[int, list[int]] = {}
    for piece in (pieces[number] for number in numbers):
        of.setdefault(piece.series, []).extend((piece.scored, piece.stop))
    return [(number, min(ends) + horizon, max(ends) + horizon) for number, ends in of.items()]


def borders(rows: int, shares: tuple[float, float, float]) -> tuple[int, int]:
    """The first row of validation and of test; each part is contiguous, the last rows test."""
    test = rows - round(rows * shares[2])
    return (round(rows * shares[0]) if shares[2] else rows - round(rows * shares[1])), test
