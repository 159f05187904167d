"""From the cells of a column to numbers or codes; what is neither is told with its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from elman.errors import BadInput

MISSING_MARKS = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None")

Cells = list[str] | np.ndarray
"""Text as it stands in the file, or float64 with NaN where nothing stands."""

Where = Callable[[int], str]
"""Number of a cell -> its file, line and column, for a message."""

LARGEST = float(np.finfo(np.float32).max)


class Numbers:
    """Cells as float64, NaN where a mark of a missing value stands.

    Args:
        marks: cells that mean "no value", blanks around them aside.
        way_out: what to do about a column that is no number.
    """

    def __init__(self, marks: Sequence[str], *, way_out: str) -> None:
        self.marks, self.way_out = frozenset(marks), way_out

    def __call__(self, cells: Cells, where: Where) -> np.ndarray:
        """(N,) float64.

        Raises:
            BadInput: for text, NaN that is no mark, an infinite value, or one beyond float32.
        """
        if isinstance(cells, np.ndarray):
            missing, out = np.isnan(cells), cells.astype(np.float64)
        else:
            missing = np.fromiter((cell.strip() in self.marks for cell in cells), bool, len(cells))
            present = (
                ["nan" if gone else cell for cell, gone in zip(cells, missing, strict=True)]
                if missing.any()
                else cells
            )
            try:
                out = np.array(present, dtype=np.float64)
            except ValueError:
                out = np.array([_float(cell) for cell in present])
            if "_" in "".join(present):  # Python reads 1_0 as ten
                out[["_" in cell for cell in present]] = -np.inf
        bad = ~(np.abs(out) <= LARGEST) & ~missing
        if bad.any():
            raise self._refused(cells, int(np.flatnonzero(bad)[0]), where)
        return out

    def _refused(self, cells: Cells, number: int, where: Where) -> BadInput:
        cell = str(cells[number]).strip()
        value = _float(cell)
        if "_" in cell or (np.isnan(value) and cell.lower().lstrip("+-") != "nan"):
            return BadInput(f"{where(number)}: {_short(cell)} is no number; {self.way_out}")
        return BadInput(
            f"{where(number)}: the value {_short(cell)} is not a finite number of 32 bits; mend it, or name "
            "it in data.missing_marks"
        )


class Codes:
    """Cells as numbers of their values, in the order these are met; -1 where a mark of no value stands.

    Args:
        marks: cells that mean "no value".
    """

    def __init__(self, marks: Sequence[str]) -> None:
        self.marks = frozenset(marks)
        self.values: dict[str, int] = {}

    def __call__(self, cells: Cells, where: Where) -> np.ndarray:
        """(N,) int32."""
        numbers, values = np.empty(len(cells), np.int32), self.values
        for place, cell in enumerate(cells.tolist() if isinstance(cells, np.ndarray) else cells):
            text = _text(cell)
            numbers[place] = -1 if text in self.marks else values.setdefault(text, len(values))
        return numbers


def is_number(cell: str) -> bool:
    """Whether a cell reads as a number."""
    return "_" not in cell and not np.isnan(_float(cell))


def _float(cell: str) -> float:
    """NaN for what is no number."""
    try:
        return float(cell)
    except ValueError:
        return float("nan")


def _text(cell: str | float) -> str:
    """A cell as text; whole numbers without a point, as CSV has them."""
    if isinstance(cell, float):
        return f"{cell:.0f}" if cell.is_integer() else str(cell)
    return cell.strip()


def _short(cell: str) -> str:
    return repr(cell if len(cell) <= 40 else cell[:37] + "...")
