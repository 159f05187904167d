"""Numerals: how numbers are written in a table, and which other way of writing would read a cell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Decimal = Literal[".", ","]
Thousands = Literal[",", ".", "'", "space"]

_BLANKS = " \u00a0\u2009\u202f"
_MINUS = "\u2212"
_GROUPS = {",": ",", ".": r"\.", "'": "['\u2019]", "space": f"[{_BLANKS}]"}


@dataclass(frozen=True, kw_only=True)
class Numerals:
    """How numbers are written.

    Args:
        decimal: the decimal sign.
        thousands: what stands between groups of three digits; "space" is any blank, the narrow ones of
            spreadsheets too; None: nothing.
        percent: a number may end in a percent sign: 20% is 0.2.

    Raises:
        ValueError: for another sign, or the same one twice.
    """

    decimal: Decimal = "."
    thousands: Thousands | None = None
    percent: bool = False

    def __post_init__(self) -> None:
        if self.decimal not in (".", ","):
            raise ValueError(f"decimal must be '.' or ',', got {self.decimal!r}")
        if self.thousands is not None and self.thousands not in _GROUPS:
            raise ValueError(f"thousands must be ',', '.', \"'\", space or null, got {self.thousands!r}")
        if self.thousands == self.decimal:
            raise ValueError(f"decimal and thousands must differ, got {self.decimal!r} for both")

    @property
    def plain(self) -> bool:
        """Whether numbers are written as in Python."""
        return self == PLAIN

    def __str__(self) -> str:
        parts = [f"decimal sign {self.decimal!r}"] if self.decimal != "." else []
        parts += [f"thousands by {self.thousands!r}"] if self.thousands is not None else []
        return ", ".join([*parts, *(["20% read as 0.2"] if self.percent else [])])

    def values(self, cells: pa.Array) -> np.ndarray:
        """(N,) float64 of cells without blanks around them; NaN for what is no number."""
        cells = pc.replace_substring(cells, _MINUS, "-")
        if self.plain:
            return _floats(cells)
        form = f"{self._form()}|(?i)^[+-]?inf(inity)?$"
        cells = pc.if_else(pc.match_substring_regex(cells, form), cells, "x")
        share = np.zeros(len(cells), bool)
        if self.percent:
            share = pc.ends_with(cells, "%").to_numpy(zero_copy_only=False)
            cells = pc.replace_substring_regex(cells, f"[{_BLANKS}]?%$", "")
        if self.thousands is not None:
            cells = pc.replace_substring_regex(cells, _GROUPS[self.thousands], "")
        if self.decimal == ",":
            cells = pc.replace_substring(cells, ",", ".")
        found = _floats(cells)
        return np.where(share, found / 100, found)

    def value(self, cell: str) -> float:
        """The number that a cell is; NaN if it is none."""
        if self.plain:
            return plain_float(cell.strip().replace(_MINUS, "-"))
        return float(self.values(pa.array([cell.strip()], pa.string()))[0])

    def _form(self) -> str:
        """What matches a number, blanks around it aside."""
        whole, point = r"\d+", re.escape(self.decimal)
        if self.thousands is not None:
            whole = rf"(?:\d{{1,3}}(?:{_GROUPS[self.thousands]}\d{{3}})+|\d+)"
        number = rf"(?:{whole}(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d+)?"
        return rf"^[+-]?{number}{f'(?:[{_BLANKS}]?%)?' if self.percent else ''}$"


PLAIN = Numerals()
"""As Python writes them."""


def plain_float(cell: str) -> float:
    """NaN for what is no number; Python reads 1_0 as ten, a table does not."""
    try:
        return float("nan" if "_" in cell else cell)
    except ValueError:
        return float("nan")


def _floats(cells: pa.Array) -> np.ndarray:
    """Arrow reads fewer forms than Python: where it refuses one, each is looked at."""
    try:
        values: np.ndarray = cells.cast(pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        values = np.array([plain_float(cell) for cell in cells.to_pylist()])
    return values


def ways_to_read(cell: str, given: Numerals, others: Sequence[str] = ()) -> str:
    """Options by which a cell would be a number, each with the value it then has; empty: there are none.

    Args:
        given: how numbers are written by now.
        others: further cells of its column; of several options those count that read the most of them.
    """
    cells = pa.array([each.strip() for each in (cell, *others)], pa.string())
    found: dict[float, tuple[tuple[int, int], str]] = {}  # value -> rank, options
    for decimal, thousands, percent in product((".", ","), (None, *_GROUPS), sorted({given.percent, True})):
        if decimal == thousands:
            continue
        other = Numerals(decimal=decimal, thousands=thousands, percent=percent)  # type: ignore[arg-type]
        values = other.values(cells)
        if np.isfinite(values[0]):
            changes = [
                f"data.{name}={_option(getattr(other, name))}"
                for name in ("decimal", "thousands", "percent")
                if getattr(other, name) != getattr(given, name)
            ]
            rank = (-int(np.isfinite(values).sum()), len(changes))
            if rank < found.get(values[0], ((1, 0), ""))[0]:
                found[values[0]] = (rank, " and ".join(changes))
    best = min((rank for rank, _ in found.values()), default=None)
    return " or ".join(
        f"{options} (it is then {value:.10g})" for value, (rank, options) in found.items() if rank == best
    )


def _option(value: str | bool | None) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return value if value.isalpha() else f'"{value}"' if value == "'" else f"'{value}'"
