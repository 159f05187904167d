"""Times: the cells of a column as times, whatever form their dates have."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import product

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datamodules.tables.cells import Cells, Numbers, Where
from datamodules.tables.clock import WAY_OUT, calendar, from_parts
from datamodules.tables.marks import Marks
from datamodules.tables.numerals import PLAIN, Numerals
from elman.errors import BadInput

DIGITS = {6: "YYYYMM", 8: "YYYYMMDD", 10: "YYYYMMDDHH", 12: "YYYYMMDDHHMM", 14: "YYYYMMDDHHMMSS"}
YEARS = (1700, 2199)
"""Of dates that are written as one number; what is outside counts something else."""
NEARLY_ALL = 0.9
COMPARED = 1000

_DATES = (
    *("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%d %b %Y"),
    *("%d-%b-%Y", "%b %d, %Y", "%Y%m%d"),
)
_CLOCKS = ("", "%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p", "%H.%M", "%H%M", "%H%M%S")
FORMS = tuple(
    f"{date}{blank}{clock}{zone}" if clock else date
    for date, clock, blank, zone in product(_DATES, _CLOCKS, (" ", ", ", "T"), ("", " %z", "%z"))
    if clock or (blank, zone) == (" ", "")
)
"""Dates with a year of four digits that are met in tables and are not those of ISO 8601."""

_ZONE = re.compile(r"[T ]\d\d.*(Z|[+-]\d\d(:?\d\d)?)$")
_FIXED = {"%Y": r"(?P<Y>\d{4})", **{f"%{each}": rf"(?P<{each}>\d\d)" for each in "mdHMS"}}


class Times:
    """Cells as times: numbers as they are, dates as seconds or, without a day, as months.

    Args:
        form: as of `strptime`; None: a number, a number such as 20100131 that is a date, a date of ISO 8601
            such as 2010-01-31 05:00, or the one other usual form that fits all cells of the first block.
        typed: the column holds times, or numbers that stand for them, by its type.
        numerals: how numbers are written.

    `said` is how cells are read, in words; `local` whether they are dates that say nothing of a time zone.
    """

    kind = np.float64

    def __init__(self, form: str | None = None, *, typed: bool = False, numerals: Numerals = PLAIN) -> None:
        self.form, self.numerals = None if typed else form, numerals
        self.unit = "typed" if typed else ""
        self.said = "dates" if typed else ""
        self.local = False

    def __call__(self, cells: Cells, where: Where) -> np.ndarray:
        """(N,) float64.

        Raises:
            BadInput: for a cell that is no time.
        """
        self.unit = self.unit or self._unit(cells)
        if self.unit in ("1", "digits", "typed"):
            found = Numbers(Marks(), way_out=WAY_OUT, numerals=self.numerals)(cells, where)
            if (gone := np.isnan(found)).any():
                raise BadInput(f"{where(int(np.argmax(gone)))}: no time; fill it in, or take the row out")
            return found if self.unit != "digits" else from_parts(_split(found, len(self.said)), where)
        if isinstance(cells, np.ndarray):  # numbers, in a form that the recipe gives
            cells = pa.array([f"{cell:.0f}" for cell in cells], pa.string())
        return self._dates(cells, where)

    def _unit(self, cells: Cells) -> str:
        """What the times of a column are, by its first cells."""
        if self.form is not None:
            self.said, self.local = f"dates ({self.form})", "%z" not in self.form
            return "s"
        if length := _digits(cells):
            self.said, self.local = DIGITS[length], True
            return "digits"
        first = str(cells[0]).strip()
        if not np.isnan(self.numerals.value(first)):
            self.said = "numbers"
            return "1"
        if re.fullmatch(r"\d{4}-\d\d", first):
            self.said = "months"
            return "month"
        self.said, self.local = "dates", True
        texts = [] if _reads(first, None) else [str(cell).strip() for cell in cells]
        fitting = list(forms_of(texts)) if texts else []
        if fitting and len({tuple(_parsed(cell, form) for cell in texts) for form in fitting}) == 1:
            self.form, self.said = fitting[0], f"dates ({fitting[0]}, found)"
            self.local = "%z" not in fitting[0]
        return "s"

    def _dates(self, cells: pa.Array, where: Where) -> np.ndarray:
        if self.form is not None:
            found = _fixed(pc.utf8_trim_whitespace(cells), self.form)
            if found is not None:
                return found
        elif self.unit == "s":
            for zone in (None, "UTC"):  # with an offset in all cells, or in none
                try:
                    found = cells.cast(pa.timestamp("us", zone)).cast(pa.int64()).to_numpy() / 1e6
                except pa.ArrowInvalid:
                    continue
                self.local = zone is None
                return found
        texts = [cell.strip() for cell in cells.to_pylist()]
        zoned = self.form is None and any(map(_ZONE.search, texts))
        self.local = self.local and not zoned
        if self.form is None and not zoned:
            try:
                with warnings.catch_warnings(action="error"):  # of a zone in what is no date
                    stamps = np.array(texts, dtype=f"datetime64[{'M' if self.unit == 'month' else 'us'}]")
                return stamps.astype(np.int64) / (1 if self.unit == "month" else 1e6)
            except (ValueError, UserWarning):
                pass
        return np.array([self._seconds(cell, where, place, texts) for place, cell in enumerate(texts)])

    def _seconds(self, cell: str, where: Where, place: int, texts: Sequence[str]) -> float:
        try:
            if self.unit == "month":
                return float(np.datetime64(cell, "M").astype(np.int64))
            found = _parsed(cell, self.form)
        except ValueError as error:
            rule = self.form or "a number or a date such as 2010-01-31 05:00"
            way_out = WAY_OUT
            if fitting := list(forms_of([cell, *texts[:COMPARED]])) or list(forms_of([cell])):
                way_out = f"set data.time_format to {' or '.join(map(repr, fitting[:2]))}"
            raise BadInput(f"{where(place)}: {cell!r} is no time ({rule}); {way_out}") from error
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def forms_of(texts: Sequence[str]) -> Iterable[str]:
    """The usual forms that read all of some cells."""
    for form in FORMS:
        if all(_reads(text, form) for text in texts):
            yield form


def _parsed(text: str, form: str | None) -> datetime:
    return datetime.fromisoformat(text) if form is None else datetime.strptime(text, form)


def _reads(text: str, form: str | None) -> bool:
    try:
        _parsed(text, form)
    except ValueError:
        return False
    return True


def _digits(cells: Cells) -> int:
    """How many digits cells have if nearly all are dates written as one number, such as 20100131; else 0."""
    if isinstance(cells, pa.Array):
        if len(cells[0].as_py().strip()) not in DIGITS:
            return 0
        try:
            cells = pc.utf8_trim_whitespace(cells).cast(pa.int64()).to_numpy()
        except pa.ArrowInvalid:
            return 0
    whole = cells[np.isfinite(cells)]
    length = len(f"{whole[0]:.0f}") if len(whole) else 0
    if length not in DIGITS:
        return 0
    parts = _split(whole, length)
    _, bad = calendar(parts)
    dates = ~bad & (parts[0] >= YEARS[0]) & (parts[0] <= YEARS[1])
    return length if dates.mean() > NEARLY_ALL else 0


def _split(numbers: np.ndarray, length: int) -> list[np.ndarray]:
    """Year, month, day, ... of whole numbers, as many as there are digits for."""
    parts: list[np.ndarray] = []
    for _ in range((length - 4) // 2):
        numbers, last = np.divmod(numbers, 100)
        parts.insert(0, last)
    return [numbers, *parts]


def _fixed(cells: pa.Array, form: str) -> np.ndarray | None:
    """Seconds of dates whose every part has all its digits, at once; None: they are read one by one."""
    pattern = re.sub(r"%.", lambda found: _FIXED.get(found[0], "%"), re.escape(form).replace(r"\%", "%"))
    if "%" in pattern or not {"%Y", "%m", "%d"} <= set(re.findall("%.", form)):
        return None
    if len(set(names := re.findall(r"\?P<(.)>", pattern))) != len(names):
        return None
    found = pc.extract_regex(cells, f"^{pattern}$")
    if found.null_count:
        return None
    zero = np.zeros(len(cells), np.int64)
    parts = [
        found.field(names.index(each)).cast(pa.int64()).to_numpy() if each in names else zero
        for each in "YmdHMS"
    ]
    values, bad = calendar(parts)
    return None if bad.any() else values
