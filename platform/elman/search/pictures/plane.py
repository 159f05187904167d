"""The plane of k1 and k2 that a picture shows: which trials, where, and how far it reaches."""

from __future__ import annotations

from dataclasses import dataclass

from elman.search.pictures.axis import is_log
from elman.search.pictures.picture import TooFewError
from elman.search.pictures.places import places
from elman.search.pictures.theme import axis_limits
from elman.search.results.format import window_labels
from elman.search.results.review import Review, TrialRow


@dataclass(frozen=True, kw_only=True)
class Plane:
    """What is drawn.

    Args:
        k1, k2: their labels.
        log: whether each is drawn in the logarithm.
        complete: trials that ended, worst first, so that the best lies on top.
        pruned: trials that were stopped.
        axis_limits: values of the objective that the colours tell apart.
        bounds: lowest and highest k1, and the same of k2.
    """

    k1: str
    k2: str
    log: tuple[bool, bool]
    complete: list[TrialRow]
    pruned: list[TrialRow]
    axis_limits: tuple[float, float]
    bounds: tuple[tuple[float, float], tuple[float, float]]


def plane_of(review: Review) -> Plane:
    """The plane of a study.

    Raises:
        TooFewError: if no trial has both, or fewer than two complete ones do.
    """
    names = window_labels(review)
    if names is None:
        raise TooFewError("no trial has both k1 and k2")
    k1, k2 = names
    both = [trial for trial in review.trials if k1 in trial.values and k2 in trial.values]
    ended = [t for t in both if t.state == "complete" and t.metric(review.objective) is not None]
    if len(ended) < 2:
        raise TooFewError("needs two complete trials that have k1 and k2")
    if len({(t.values[k1], t.values[k2]) for t in ended}) < 2:
        raise TooFewError("all complete trials have the same k1 and k2")
    up = review.objectives[review.objective] == "maximize"
    ended.sort(key=lambda t: t.measured(review.objective), reverse=not up)
    pruned = [t for t in both if t.state == "pruned"]
    log = (is_log(review, k1), is_log(review, k2))
    return Plane(
        k1=k1,
        k2=k2,
        log=log,
        complete=ended,
        pruned=pruned,
        axis_limits=axis_limits([t.measured(review.objective) for t in ended], maximize=up),
        bounds=(
            _bounds([t.values[k1] for t in ended + pruned], log=log[0]),
            _bounds([t.values[k2] for t in ended + pruned], log=log[1]),
        ),
    )


def _bounds(values: list[float], *, log: bool) -> tuple[float, float]:
    low, high = min(values), max(values)
    if log:
        air = max(1.12, (high / low) ** 0.06)
        return low / air, high * air
    air = (high - low) * 0.06 or 1
    return low - air, high + air


def texts(plane: Plane) -> list[tuple[tuple[float, float], str, str]]:
    """Where, what and on which side: one text for all trials at one point, the best named first."""
    from math import log

    at: dict[tuple[float, float], list[str]] = {}
    for trial in reversed(plane.complete):
        at.setdefault((trial.values[plane.k1], trial.values[plane.k2]), []).append(str(trial.number))

    def share(value: float, axis: int) -> float:
        low, high = plane.bounds[axis]
        if plane.log[axis]:
            value, low, high = log(value), log(low), log(high)
        return (value - low) / (high - low)

    spots = [(share(x, 0), share(y, 1)) for x, y in at]
    texts = [", ".join(numbers[:3]) + ("…" if len(numbers) > 3 else "") for numbers in at.values()]
    found = zip(at, texts, places(spots, texts), strict=True)
    return [(point, text, place) for point, text, place in found if place]


def equal(plane: Plane) -> tuple[float, float] | None:
    """From where to where k2 = k1 lies within the limits."""
    (a, b), (c, d) = plane.bounds
    low, high = max(a, c), min(b, d)
    return (low, high) if low < high else None
