"""The clock of a table: times as numbers, and whether they ascend."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from datamodules.tables.cells import Cells, Numbers, Where, is_number
from elman.errors import BadInput

CALENDAR = ("year", "month", "day", "hour", "minute", "second")
WAY_OUT = "give data.time_format, columns [year, month, ...], or data.time=null for no check"
GAP = 1.5
"""A step of more than so many usual steps is a gap: months differ in length by less."""


class Times:
    """Cells of one column as times: numbers as they are, dates as seconds or, without a day, as months.

    Args:
        form: as of `strptime`; None: a number, or a date of ISO 8601 such as 2010-01-31 05:00.
    """

    kind = np.float64

    def __init__(self, form: str | None = None) -> None:
        self.form = form
        self.unit = ""

    def __call__(self, cells: Cells, where: Where) -> np.ndarray:
        """(N,) float64.

        Raises:
            BadInput: for a cell that is no time.
        """
        if isinstance(cells, np.ndarray):
            return Numbers((), way_out=WAY_OUT)(cells, where)
        self.unit = self.unit or self._unit(cells[0].as_py().strip())
        if self.unit == "1":
            return Numbers((), way_out=WAY_OUT)(cells, where)
        if self.unit == "s" and self.form is None:
            try:
                return cells.cast(pa.timestamp("us")).cast(pa.int64()).to_numpy() / 1e6
            except pa.ArrowInvalid:  # blanks, zones, other forms of ISO 8601, and what is no time
                pass
        texts = [cell.strip() for cell in cells.to_pylist()]
        zoned = self.unit == "s" and any(cell[-1:] == "Z" or "+" in cell for cell in texts)
        if self.form is None and not zoned:
            try:
                stamps = np.array(texts, dtype=f"datetime64[{'M' if self.unit == 'month' else 'us'}]")
                return stamps.astype(np.int64) / (1 if self.unit == "month" else 1e6)
            except ValueError:
                pass
        return np.array([self._seconds(cell, where, place) for place, cell in enumerate(texts)])

    def _unit(self, first: str) -> str:
        """What the times of a column are, by its first cell."""
        if self.form is None and is_number(first):
            return "1"
        return "month" if self.form is None and re.fullmatch(r"\d{4}-\d\d", first) else "s"

    def _seconds(self, cell: str, where: Where, place: int) -> float:
        try:
            if self.unit == "month":
                return float(np.datetime64(cell, "M").astype(np.int64))
            found = datetime.strptime(cell, self.form) if self.form else datetime.fromisoformat(cell)
        except ValueError as error:
            rule = self.form or "a number or a date such as 2010-01-31 05:00"
            raise BadInput(f"{where(place)}: {cell!r} is no time ({rule}); {WAY_OUT}") from error
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def from_parts(parts: Sequence[np.ndarray], where: Where) -> np.ndarray:
    """Times from columns of year, month, day, hour, minute, second, as many of them as there are.

    Args:
        parts: (N,) each, whole numbers.

    Returns:
        (N,) float64: years, months (without a day), else seconds.

    Raises:
        BadInput: for a date that does not exist.
    """
    whole = np.stack(parts).round()
    least = np.array([1, 1, 1, 0, 0, 0])[: len(parts), None]
    most = np.array([9999, 12, 31, 23, 59, 60])[: len(parts), None]
    bad = ((whole != np.stack(parts)) | (whole < least) | (whole > most)).any(0)
    years, months = whole[0], whole[1] if len(parts) > 1 else np.ones_like(whole[0])
    stamps = ((np.where(bad, 0, years * 12 + months - 1)).astype(np.int64) - 1970 * 12).astype(
        "datetime64[M]"
    )
    if len(parts) > 2:
        days = stamps.astype("datetime64[D]") + np.where(bad, 0, whole[2] - 1).astype(np.int64)
        bad |= days.astype("datetime64[M]") != stamps
    if bad.any():
        place = int(np.flatnonzero(bad)[0])
        shown = ", ".join(f"{name} {part[place]:g}" for name, part in zip(CALENDAR, parts, strict=False))
        raise BadInput(f"{where(place)}: {shown} is no date; mend it, or set data.time=null for no check")
    if len(parts) <= 2:
        return stamps.astype(np.float64) / (1 if len(parts) == 2 else 12)
    seconds = days.astype(np.float64) * 86400
    for part, each in zip(whole[3:], (3600, 60, 1), strict=False):
        seconds += part * each
    return seconds


@dataclass(frozen=True)
class Gaps:
    """Where the clock of a series jumps.

    Args:
        count: of the gaps.
        longest: in usual steps.
        at: place of the first, as file and line; empty where there is none.
    """

    count: int
    longest: float
    at: str


def check_order(times: np.ndarray, where: Where) -> Gaps:
    """Refuse times that do not ascend, row by row; count the gaps.

    Args:
        times: (N,) float64 in the order of the rows.
        where: number of a row -> its place.

    Raises:
        BadInput: for the first time that is not after the one before.
    """
    steps = np.diff(times)
    if (steps <= 0).any():
        place = int(np.flatnonzero(steps <= 0)[0]) + 1
        what = "the same time as" if steps[place - 1] == 0 else "a time before"
        raise BadInput(
            f"{where(place)}: {what} the row above; sort the rows by time and keep one of each, name the "
            "column that tells series apart in data.group, or set data.time=null for no check"
        )
    if not len(steps):
        return Gaps(0, 0.0, "")
    usual = float(np.median(steps))
    wide = np.flatnonzero(steps > GAP * usual)
    if not len(wide):
        return Gaps(0, 0.0, "")
    return Gaps(len(wide), float(steps.max() / usual), where(int(wide[0]) + 1))
