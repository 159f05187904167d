"""Any sort of value as a place on an axis: numbers, numbers in the logarithm, choices, and nothing at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10
from typing import Any

from elman.pictures.ticks import log_ticks, ticks
from elman.search.results.format import formatted, short
from elman.search.results.review import Review
from elman.search.space.space import Choices, Range

ABSENT = -0.12
"""Where trials are to which a value does not apply, below the axis."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One label over all trials.

    Args:
        at: a place for each trial, 0 the lowest and 1 the highest value.
        ticks: places and what is written there.
    """

    label: str
    at: list[float]
    ticks: list[tuple[float, str]]


def number_axis(label: str, values: Sequence[float | None], *, log: bool, integer: bool = False) -> Axis:
    """Numbers from the smallest to the largest that occur."""
    known = [value for value in values if value is not None]
    low, high = min(known), max(known)
    log = log and low > 0 and high > low

    def place(value: float) -> float:
        if high == low:
            return 0.5
        if log:
            return (log10(value) - log10(low)) / (log10(high) - log10(low))
        return (value - low) / (high - low)

    distinct = sorted(set(known))
    few = integer and len(distinct) <= 6
    marks = distinct if few else [low, *log_ticks(low, high), high] if log else [low, *ticks(low, high), high]
    written = [(place(mark), f"{mark:.2g}" if log and not integer else formatted(mark)) for mark in marks]
    return Axis(label=label, at=_placed(values, place), ticks=_absent(values) + _apart(written))


def choice_axis(label: str, values: Sequence[Any], order: Sequence[Any]) -> Axis:
    """Choices at equal distances, in the order of the space."""
    known = [c for c in order if c in values] + sorted(
        {str(v) for v in values if v is not None} - {*map(str, order)}
    )
    names = [str(choice) for choice in known]
    places = {name: i / max(1, len(names) - 1) if len(names) > 1 else 0.5 for i, name in enumerate(names)}
    return Axis(
        label=label,
        at=_placed([None if v is None else str(v) for v in values], places.__getitem__),
        ticks=_absent(values) + [(place, short(formatted(name))) for name, place in places.items()],
    )


def value_axis(review: Review, label: str, values: Sequence[Any]) -> Axis:
    """The axis of a label of the space."""
    dimension = next((d for d in review.dimensions if label in (d.label, d.derived)), None)
    kind = dimension.values if dimension else None
    if dimension and isinstance(kind, Choices) and label == dimension.label:
        numeric = all(isinstance(v, int | float) and not isinstance(v, bool) for v in kind.values)
        if not numeric:
            return choice_axis(label, values, list(kind.values))
    if any(not isinstance(v, int | float) for v in values if v is not None):
        return choice_axis(label, values, [])
    whole = all(isinstance(v, int) for v in values if v is not None)
    return number_axis(label, values, log=is_log(review, label), integer=whole)


def is_log(review: Review, label: str) -> bool:
    """Whether a label is drawn in the logarithm; a product is where one of its factors is."""
    for dimension in review.dimensions:
        if label in (dimension.label, dimension.derived):
            kinds = [dimension.values]
            if label == dimension.derived:
                kinds += [d.values for d in review.dimensions if d.target == dimension.multiple_of]
            return any(isinstance(kind, Range) and kind.log for kind in kinds)
    return False


def _placed(values: Sequence[Any], place: Any) -> list[float]:
    return [ABSENT if value is None else place(value) for value in values]


def _absent(values: Sequence[Any]) -> list[tuple[float, str]]:
    return [(ABSENT, "none")] if None in values else []


def _apart(written: list[tuple[float, str]], distance: float = 0.07) -> list[tuple[float, str]]:
    """Ticks without those that would lie on another; the ends, first and last, always stay."""
    if len(written) < 3:
        return list(dict(written).items())
    first, *middle, last = written
    kept = [first]
    for tick in middle:
        if tick[0] - kept[-1][0] >= distance and last[0] - tick[0] >= distance:
            kept.append(tick)
    return [*kept, last] if last[0] > first[0] else [first]
