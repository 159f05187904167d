"""How far a panel reaches, and where in it a point lies: the same on paper and on screen."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite, log10

from elman.pictures.places import places
from elman.pictures.plot import Band, Bars, Bundle, Dots, Labels, Line, Map, Panel

AIR = 0.05  # of the length of an axis, beyond the outermost point

Ends = tuple[float, float]


def extent(panel: Panel) -> tuple[Ends, Ends]:
    """Ends of x and of y: those that the panel names, else around all its marks."""
    x = _ends(_along(panel, 0), panel.x_from, panel.x_to, log=panel.log_x)
    return x, _ends(_along(panel, 1), panel.y_from, panel.y_to, log=panel.log_y)


def shares(panel: Panel, points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points in the measure of the panel: (0, 0) its lower left corner, (1, 1) the upper right one."""
    x, y = extent(panel)
    return [(_share(a, x, log=panel.log_x), _share(b, y, log=panel.log_y)) for a, b in points]


def placed(panel: Panel, mark: Labels, size: tuple[float, float]) -> list[str | None]:
    """Where each text of a mark stands around its point; None: there is no room.

    Args:
        size: of the axes, in heights of a character.
    """
    if mark.fixed:
        return [mark.liked] * len(mark.texts)
    around = shares(panel, zip(mark.x, mark.y, strict=True))
    return places(around, mark.texts, size=size, clear_of=shares(panel, mark.clear_of), liked=mark.liked)


def thinned(panel: Panel, wide: float) -> list[tuple[float, str]]:
    """The ticks of x that have room beside one another; those of choices all stay.

    Args:
        wide: the axis, in heights of a character.
    """
    given = list(panel.x_ticks)
    if not panel.log_x:
        return given
    kept: list[tuple[float, str]] = []
    end = -float("inf")
    for (at, text), (share, _) in zip(given, shares(panel, [(at, 1.0) for at, _ in given]), strict=True):
        half = 0.31 * len(text) + 0.3
        if share * wide - half >= end:
            kept.append((at, text))
            end = share * wide + half
    return kept


def _share(value: float, ends: Ends, *, log: bool) -> float:
    low, high = ends
    if log:
        if value <= 0:
            return 0.0
        value, low, high = log10(value), log10(low), log10(high)
    return (value - low) / ((high - low) or 1)


def _ends(values: Iterable[float], low: float | None, high: float | None, *, log: bool) -> Ends:
    known = [v for v in values if isfinite(v) and (v > 0 or not log)] or [1.0]
    first, last = (log10(v) if log else v for v in (min(known), max(known)))
    air = (last - first) * AIR or (abs(first) or 1) * AIR
    around = (10 ** (first - air), 10 ** (last + air)) if log else (first - air, last + air)
    return (around[0] if low is None else low, around[1] if high is None else high)


def _along(panel: Panel, axis: int) -> Iterable[float]:
    """All that the marks have on one axis."""
    for mark in panel.marks:
        if isinstance(mark, Bundle):
            for line in mark.lines:
                yield from line[axis]
        elif isinstance(mark, Band):
            yield from mark.x if axis == 0 else [*mark.low, *mark.high]
        elif isinstance(mark, Line | Dots | Labels | Map):
            yield from mark.x if axis == 0 else mark.y
        elif isinstance(mark, Bars):
            yield from (0.0, *mark.height, *mark.high) if mark.level is (axis == 0) else mark.x
