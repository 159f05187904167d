"""From the cells of a column to numbers or codes; a cell that is neither is refused by its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from elman.errors import BadInput

MISSING_MARKS = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None")

Cells: TypeAlias = "pa.Array | np.ndarray"
"""Text as it stands in the file (an Arrow array of strings), or float64 with NaN where nothing stands."""

Where = Callable[[int], str]
"""Number of a cell -> its file, line and column, for a message."""

LARGEST = float(np.finfo(np.float32).max)


class Numbers:
    """Cells as numbers, NaN where a mark of a missing value stands.

    Args:
        marks: cells that mean "no value", blanks around them aside.
        way_out: what to do about a column that is no number.
        kind: type of the numbers.
    """

    def __init__(self, marks: Sequence[str], *, way_out: str, kind: Any = np.float64) -> None:
        self.marks = pa.array(marks, pa.string())
        self.numeric_marks = any(np.isfinite(_float(mark)) for mark in marks)
        self.way_out, self.kind = way_out, kind

    def __call__(self, cells: Cells, where: Where) -> np.ndarray:
        """(N,) of `kind`.

        Raises:
            BadInput: for text, NaN that is no mark, an infinite value, or one beyond float32.
        """
        if isinstance(cells, np.ndarray):
            out, missing = cells, np.isnan(cells)
        else:
            out, missing = self._parsed(cells)
        bad = ~(np.abs(out) <= LARGEST) & ~missing
        if bad.any():
            raise self._refused(cells, int(np.flatnonzero(bad)[0]), where)
        return out.astype(self.kind, copy=False)

    def _parsed(self, cells: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """Values, NaN for what is none, and where a mark stands. Arrow reads fewer forms than Python."""
        try:
            out = _cast(cells)
            if not self.numeric_marks and not np.isnan(out).any():
                return out, np.zeros(len(out), bool)
        except pa.ArrowInvalid:
            pass
        cells = pc.utf8_trim_whitespace(cells)
        missing = pc.is_in(cells, value_set=self.marks)
        cells = pc.if_else(missing, "nan", cells)
        try:
            out = _cast(cells)
        except pa.ArrowInvalid:
            out = np.array([_float(cell) for cell in cells.to_pylist()])
        return out, missing.to_numpy(zero_copy_only=False)

    def _refused(self, cells: Cells, number: int, where: Where) -> BadInput:
        cell = str(cells[number]).strip()
        if np.isnan(_float(cell)) and cell.lower().lstrip("+-") != "nan":
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

    kind = np.int32

    def __init__(self, marks: Sequence[str]) -> None:
        self.marks = frozenset(marks)
        self.values: dict[str, int] = {}

    def __call__(self, cells: Cells, where: Where) -> np.ndarray:
        """(N,) int32."""
        encoded = pa.array(cells).dictionary_encode()
        numbers = [self._number(_text(value)) for value in encoded.dictionary.to_pylist()]
        return np.array(numbers, np.int32)[encoded.indices.to_numpy()]

    def _number(self, text: str) -> int:
        return -1 if text in self.marks else self.values.setdefault(text, len(self.values))


def is_number(cell: str) -> bool:
    """Whether a cell reads as a number."""
    return not np.isnan(_float(cell))


def _cast(cells: pa.Array) -> np.ndarray:
    values: np.ndarray = cells.cast(pa.float64()).to_numpy()
    return values


def _float(cell: str) -> float:
    """NaN for what is no number; Python reads 1_0 as ten, a table does not."""
    try:
        return float("nan" if "_" in cell else cell)
    except ValueError:
        return float("nan")


def _text(cell: str | float) -> str:
    """A cell as text; whole numbers without a point, as CSV has them."""
    if isinstance(cell, float):
        return f"{cell:.0f}" if cell.is_integer() else str(cell)
    return cell.strip()


def _short(cell: str) -> str:
    return repr(cell if len(cell) <= 40 else cell[:37] + "...")
