"""From the cells of a column to numbers or codes; a cell that is neither is refused by its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datamodules.tables.marks import Marks
from datamodules.tables.numerals import PLAIN, Numerals, ways_to_read
from elman.errors import BadInput

Cells: TypeAlias = "pa.Array | np.ndarray"
"""Text as it stands in the file (an Arrow array of strings), or float64 with NaN where nothing stands."""

Where = Callable[[int], str]
"""Number of a cell -> its file, line and column, for a message."""

LARGEST = float(np.finfo(np.float32).max)
COMPARED = 200
"""Cells of a column that are looked at for what would read them."""


class Numbers:
    """Cells as numbers, NaN where a mark of a missing value stands.

    Args:
        marks: cells that mean "no value".
        way_out: what to do about a column that is no number.
        kind: type of the numbers.
        numerals: how they are written.
    """

    def __init__(
        self, marks: Marks, *, way_out: str = "", kind: Any = np.float64, numerals: Numerals = PLAIN
    ) -> None:
        self.marks, self.way_out, self.kind, self.numerals = marks, way_out, kind, numerals

    def __call__(self, cells: Cells, where: Where) -> np.ndarray:
        """(N,) of `kind`.

        Raises:
            BadInput: for text, NaN that is no mark, an infinite value, or one beyond float32.
        """
        if isinstance(cells, np.ndarray):
            out, missing = cells, np.isnan(cells)
        else:
            out, missing = self._parsed(cells)
        if self.marks.values and (marked := self.marks.of_values(out)).any():
            out, missing = np.where(marked, np.nan, out), missing | marked
        bad = ~(np.abs(out) <= LARGEST) & ~missing
        if bad.any():
            raise self._refused(cells, int(np.flatnonzero(bad)[0]), where)
        return out.astype(self.kind, copy=False)

    def _parsed(self, cells: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """Values, NaN for what is none, and where a mark stands."""
        if self.numerals.plain and not cells.null_count:
            try:
                out: np.ndarray = cells.cast(pa.float64()).to_numpy()
                if not np.isnan(out).any():
                    return out, np.zeros(len(out), bool)
            except pa.ArrowInvalid:
                pass
        cells = pc.utf8_trim_whitespace(cells)
        missing = self.marks.of_texts(cells)
        return self.numerals.values(pc.if_else(pa.array(missing), "nan", cells)), missing

    def _refused(self, cells: Cells, number: int, where: Where) -> BadInput:
        cell = str(cells[number]).strip()
        if np.isnan(self.numerals.value(cell)) and cell.lower().lstrip("+-") != "nan":
            near = [str(each) for each in cells[max(0, number - COMPARED) : number + COMPARED]]
            marked = bool(self.marks.known)
            return BadInput(
                no_number(where(number), cell, near, self.numerals, self.way_out, may_be_mark=marked)
            )
        return BadInput(
            f"{where(number)}: the value {short(cell)} is not a finite number of 32 bits; mend it, or name "
            "it in data.missing_marks"
        )


class Codes:
    """Cells as numbers of their values, in the order these are met; -1 where there is no value.

    Args:
        marks: cells that mean "no value".
    """

    kind = np.int32

    def __init__(self, marks: Marks) -> None:
        self.marks = marks
        self.values: dict[str, int] = {}

    def __call__(self, cells: Cells, where: Where) -> np.ndarray:
        """(N,) int32."""
        encoded = pa.array(cells, from_pandas=True).dictionary_encode()
        indices = encoded.indices
        if indices.null_count:
            indices = indices.fill_null(len(encoded.dictionary))
        indices = indices.to_numpy()
        counts = np.bincount(indices)
        texts = [_text(value) for value in encoded.dictionary.to_pylist()]
        return np.array([*map(self._number, texts, counts.tolist()), -1], np.int32)[indices]

    def _number(self, text: str, count: int) -> int:
        if (mark := self.marks.holds(text)) is not None:
            self.marks.hits[mark] += count
            return -1
        return self.values.setdefault(text, len(self.values))


def no_number(
    place: str, cell: str, others: list[str], numerals: Numerals, way_out: str, *, may_be_mark: bool
) -> str:
    """The message for a cell that is no number, with what would read it.

    Args:
        others: cells near it.
        way_out: where nothing would.
        may_be_mark: among numbers it may mean that there is none.
    """
    if ways := ways_to_read(cell, numerals, others):
        way_out = f"set {ways}"
    elif may_be_mark and np.isfinite(numerals.values(pa.array(others, pa.string()))).mean() > 0.5:
        way_out = (
            f"add {short(cell)} to data.missing_marks and set data.missing if it means no value, or mend it"
        )
    return f"{place}: {short(cell)} is no number; {way_out}"


def short(cell: str) -> str:
    """A cell in quotes, not longer than a message has room for."""
    return repr(cell if len(cell) <= 40 else cell[:37] + "...")


def _text(cell: str | float) -> str:
    """A cell as text; whole numbers without a point, as CSV has them."""
    if isinstance(cell, float):
        return f"{cell:.0f}" if cell.is_integer() else str(cell)
    return cell.strip()
