"""The clock of a table: times from columns of a calendar, and whether they ascend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datamodules.tables.cells import Where
from elman.errors import BadInput

CALENDAR = ("year", "month", "day", "hour", "minute", "second")
WAY_OUT = "give data.time_format, columns [year, month, ...], or data.time=null for no check"
GAP = 1.5
"""A step of more than so many usual steps is a gap: months differ in length by less."""


def calendar(parts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Times from years, months, days, hours, minutes, seconds, as many of them as there are.

    Args:
        parts: (N,) each, whole numbers.

    Returns:
        (N,) float64: years, months (without a day), else seconds; and (N,) bool, which are no date.
    """
    whole = np.stack(parts).round()
    least = np.array([1, 1, 1, 0, 0, 0])[: len(parts), None]
    most = np.array([9999, 12, 31, 23, 59, 60])[: len(parts), None]
    bad = ((whole != np.stack(parts)) | (whole < least) | (whole > most)).any(0)
    years, months = whole[0], whole[1] if len(parts) > 1 else np.ones_like(whole[0])
    stamps = ((np.where(bad, 0, years * 12 + months - 1)).astype(np.int64) - 1970 * 12).astype(
        "datetime64[M]"
    )
    if len(parts) <= 2:
        return stamps.astype(np.float64) / (1 if len(parts) == 2 else 12), bad
    days = stamps.astype("datetime64[D]") + np.where(bad, 0, whole[2] - 1).astype(np.int64)
    bad |= days.astype("datetime64[M]") != stamps
    seconds = days.astype(np.float64) * 86400
    for part, each in zip(whole[3:], (3600, 60, 1), strict=False):
        seconds += part * each
    return seconds, bad


def from_parts(parts: Sequence[np.ndarray], where: Where) -> np.ndarray:
    """(N,) float64, as `calendar` has it.

    Raises:
        BadInput: for a date that does not exist.
    """
    times, bad = calendar(parts)
    if bad.any():
        place = int(np.flatnonzero(bad)[0])
        shown = ", ".join(f"{name} {part[place]:g}" for name, part in zip(CALENDAR, parts, strict=False))
        way_out = "set data.time=null for no check"
        if parts[0][place] > 9999:
            way_out = "give data.time_format as the columns read with a blank between, such as '%Y%m%d %H'"
        raise BadInput(f"{where(place)}: {shown} is no date; mend it, or {way_out}")
    return times


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


def check_order(times: np.ndarray, where: Where, *, local: bool = False) -> Gaps:
    """Refuse times that do not ascend, row by row; count the gaps.

    Args:
        times: (N,) float64 in the order of the rows.
        where: number of a row -> its place.
        local: they are seconds of a clock that may be put back in autumn.

    Raises:
        BadInput: for the first time that is not after the one before.
    """
    steps = np.diff(times)
    if (steps <= 0).any():
        raise BadInput(_disorder(times, steps, where, local=local))
    if not len(steps):
        return Gaps(0, 0.0, "")
    usual = float(np.median(steps))
    wide = np.flatnonzero(steps > GAP * usual)
    if not len(wide):
        return Gaps(0, 0.0, "")
    return Gaps(len(wide), float(steps.max() / usual), where(int(wide[0]) + 1))


def _disorder(times: np.ndarray, steps: np.ndarray, where: Where, *, local: bool) -> str:
    """The message for times that do not ascend."""
    place = int(np.flatnonzero(steps <= 0)[0]) + 1
    step = steps[place - 1]
    what = f"{where(place)}: {'the same time as' if step == 0 else 'a time before'} the row above"
    if len(steps) > 1 and (steps <= 0).all() and (steps < 0).any():
        return f"{where(1)}: times descend, the newest row first; set data.sort=true"
    if local and _clock_put_back(times[place - 1], step):
        return (
            f"{what}, as when daylight saving ends; write offsets (01:00+02:00, then 01:00+01:00), or keep "
            "all rows, unchecked, by data.time=null"
        )
    if step < 0:
        return f"{what}; set data.sort=true, or name the column that tells series apart in data.group"
    return (
        f"{what}; keep one of each, name the column that tells series apart in data.group, or set "
        "data.time=null for no check"
    )


def _clock_put_back(before: float, step: float) -> bool:
    """Whether a time in the small hours of spring or autumn is repeated within an hour."""
    stamp = np.datetime64(int(before), "s")
    month = int(stamp.astype("datetime64[M]").astype(int)) % 12 + 1
    return -3600 < step <= 0 and month in (3, 4, 9, 10, 11) and before % 86400 < 4 * 3600
