"""Where the named trial lies at an end of what was tried, and a wider range may hold a better one."""

from __future__ import annotations

from math import log

from elman.search.results.belief import belief
from elman.search.results.format import formatted
from elman.search.results.named import GUESSED
from elman.search.results.review import Review, TrialRow
from elman.search.space.space import Choices, Dimension, Range

NEAR_AN_END = 0.03


def edges(review: Review, trial: TrialRow) -> str:
    """The dimensions at whose end a trial lies, if nothing away from that end is as good beyond noise.

    Where the noise is unknown nothing is said: the best of a few trials lies at some edge by chance.
    """
    found = [edge for d in review.dimensions if (edge := _held_edge(review, d, trial))]
    return f"It lies at an edge: {', '.join(found)}. A wider range may hold a better one." if found else ""


def _held_edge(review: Review, dimension: Dimension, trial: TrialRow) -> str:
    text, end = _edge(dimension, trial.values.get(dimension.label))
    found = belief(review) if text else None
    if found is None:
        return ""
    for place, point in enumerate(found.points):
        other_end = _edge(dimension, point.trial.values.get(dimension.label))[1]
        if other_end != end and found.within[place] >= GUESSED:
            return ""
    return text


def _edge(dimension: Dimension, value: object) -> tuple[str, float | None]:
    """How a value lies at which end of what was tried; "" and None where at none, or nothing is beyond."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return "", None
    kind = dimension.values
    if isinstance(kind, Choices):
        numbers = sorted(v for v in kind.values if isinstance(v, int | float) and not isinstance(v, bool))
        if len(numbers) < 3 or len(numbers) < len(kind.values):
            return "", None
        low, high, share = numbers[0], numbers[-1], float(value not in (numbers[0], numbers[-1])) / 2
        share = share if value != high else 1.0
    else:
        low, high, share = kind.low, kind.high, _share(kind, value)
        if (kind.points and len(kind.points) < 3) or low == high:
            return "", None
    whole = not isinstance(kind, Range) or kind.integer
    floor = low == 1 and whole  # fewer than one layer, step or multiple there is not
    near = 0.0 if whole else NEAR_AN_END
    end, which = (high, "largest") if share >= 1 - near else (low, "smallest")
    if near < share < 1 - near or (end == low and floor):
        return "", None
    name = f"{dimension.label}={formatted(value)}"
    if value == end:
        return f"{name} is the {which} that was tried", end
    return f"{name} is close to the {which}, {end:.4g}", end


def _share(kind: Range, value: float) -> float:
    """Where in its range a value lies: 0 the low end, 1 the high one."""
    if kind.low == kind.high:
        return 0.5
    if kind.log:
        if value <= 0:  # of a trial from another space
            return 0.0
        return log(value / kind.low) / log(kind.high / kind.low)
    return (value - kind.low) / (kind.high - kind.low)
