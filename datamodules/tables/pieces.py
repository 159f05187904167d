"""Pieces: series cut into sequences that train, validate or test, each with a run-up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from datamodules.collecting.findings import BadOnes
from datamodules.collecting.partition import PART_NAMES
from elman.errors import BadInput


class Piece(NamedTuple):
    """Steps [start, stop) of a series; those before `scored` are run and not scored.

    Step t sees row t and is asked for the target of row t + horizon. `part` is empty where whole series are
    divided. The target is multiplied by `gain`, where it is seen and where it is asked for.
    """

    series: int
    part: str
    start: int
    scored: int
    stop: int
    gain: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Cutting:
    """How series become pieces; the arguments are those of `Table`.

    Args:
        shares: of the parts, in the order of time; None: series stay whole.
        lanes: how many pieces one series makes for training where `piece` does not say.
    """

    shares: tuple[float, float, float] | None
    horizon: int
    warmup: int
    piece: int | None
    stride: int | None
    lanes: int
    gains: Sequence[float]

    def pieces(self, names: Sequence[str], rows: Sequence[int], bad: BadOnes) -> list[Piece]:
        """Those of all series that are long enough.

        Args:
            names, rows: of every series.
            bad: what to do with one that is too short.
        """
        found: list[Piece] = []
        for number, (name, count) in enumerate(zip(names, rows, strict=True)):
            with bad.checking(name):
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
        """One series in all three parts, divided by the row that is asked for: training sees no later one."""
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
        piece = self.piece or (-(-asked // self.lanes) if alone else asked)
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
        """The piece that is asked for rows [first, last)."""
        scored = first - self.horizon
        return Piece(number, part, max(0, scored - self.warmup), scored, last - self.horizon)


def borders(rows: int, shares: tuple[float, float, float]) -> tuple[int, int]:
    """The first row of validation and of test; each part is contiguous, the last rows test."""
    test = rows - round(rows * shares[2])
    return (round(rows * shares[0]) if shares[2] else rows - round(rows * shares[1])), test
