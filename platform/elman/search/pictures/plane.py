"""The plane of k1 and k2 that a picture shows: which trials, how far it reaches, and in which panels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from elman.search.pictures.axis import is_log
from elman.search.pictures.look import Reach, TooFewError, objective_reach
from elman.search.results.format import DEPTH, brief, labels, window_labels
from elman.search.results.review import Review, TrialRow
from elman.search.space.space import Choices

MOST_PANELS = 4


@dataclass(frozen=True, kw_only=True)
class Plane:
    """What is drawn.

    Args:
        k1, k2: their labels.
        log: whether each is drawn in the logarithm.
        complete: trials that ended, worst first, so that the best lies on top.
        pruned: trials that were stopped.
        shown: values of the objective that the colours tell apart.
        bounds: lowest and highest k1, and the same of k2.
    """

    k1: str
    k2: str
    log: tuple[bool, bool]
    complete: list[TrialRow]
    pruned: list[TrialRow]
    shown: Reach
    bounds: tuple[tuple[float, float], tuple[float, float]]

    def place(self, trial: TrialRow) -> tuple[float, float]:
        return trial.values[self.k1], trial.values[self.k2]


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
        shown=objective_reach(review, ended),
        bounds=(
            _bounds([t.values[k1] for t in ended + pruned], log=log[0]),
            _bounds([t.values[k2] for t in ended + pruned], log=log[1]),
        ),
    )


def split(review: Review, plane: Plane) -> list[tuple[str, Plane]]:
    """The plane once for each depth, or for each core where the depth is the same: (what it is of, it).

    The whole plane, named "", where neither varies, or varies too much for panels.
    """
    label = next((name for name in _splitting(review) if 1 < len(_values(plane, name)) <= MOST_PANELS), None)
    if label is None:
        return [("", plane)]
    found = []
    for value in _values(plane, label):
        parts = {
            name: [trial for trial in trials if trial.values.get(label) == value]
            for name, trials in (("complete", plane.complete), ("pruned", plane.pruned))
        }
        found.append((f"{label}={brief(value)}", _with(plane, **parts)))
    return found


def split_by(planes: list[tuple[str, Plane]]) -> str:
    """By what `split` has split it, in a word."""
    label = planes[0][0].partition("=")[0]
    return "depth" if label.rpartition(".")[2] in DEPTH else label


def _splitting(review: Review) -> Iterable[str]:
    """Labels by which a plane may be split: the depth, then the core, then what else is a choice."""
    names = labels(review, multiples=False)
    chosen = [d.label for d in review.dimensions if isinstance(d.values, Choices)]
    yield from (name for name in names if name.rpartition(".")[2] in DEPTH)
    yield from sorted((n for n in names if n in chosen), key=lambda n: n.rpartition(".")[2] != "core")


def _values(plane: Plane, label: str) -> list[object]:
    given = {trial.values[label] for trial in plane.complete if label in trial.values}
    whole = all(label in trial.values for trial in plane.complete)
    return sorted(given, key=lambda v: (isinstance(v, str), v)) if whole else []  # type: ignore[type-var]


def _with(plane: Plane, *, complete: list[TrialRow], pruned: list[TrialRow]) -> Plane:
    """The same plane, its bounds and colours too, with these of its trials."""
    return Plane(
        k1=plane.k1,
        k2=plane.k2,
        log=plane.log,
        complete=complete,
        pruned=pruned,
        shown=plane.shown,
        bounds=plane.bounds,
    )


def _bounds(values: list[float], *, log: bool) -> tuple[float, float]:
    low, high = min(values), max(values)
    if log:
        air = max(1.12, (high / low) ** 0.06)
        return low / air, high * air
    air = (high - low) * 0.06 or 1
    return low - air, high + air


def equal(plane: Plane) -> tuple[float, float] | None:
    """From where to where k2 = k1 lies within the limits."""
    (a, b), (c, d) = plane.bounds
    low, high = max(a, c), min(b, d)
    return (low, high) if low < high else None
