"""What the trials of a study differ in, as columns of numbers: for a forest, and for a Gaussian process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log10
from typing import Any

import numpy as np

from elman.search.results.review import Review, TrialRow
from elman.search.space.space import Choices, Dimension

WINDOWS = ("k1", "k2")
BEYOND = 2.0  # the windows of a trial that has none, in the longest of the others
DECADE = 8.0  # numbers to choose from that lie further apart than this count by their logarithm


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Something that trials differ in.

    Args:
        label: k1, k2/k1, k2, layers, core.
        columns: where it stands in the table: one for a number, one for each word.
        one_of: it is a word, and each column says by 0 or 1 whether it is that one.
        parts: of a product, the labels of its factors.
    """

    label: str
    columns: tuple[int, ...]
    one_of: bool = False
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Table:
    """Trials by what they differ in.

    Args:
        candidates: products first, so that of equals k2 comes before k1.
        numbers: (trials, columns).
    """

    candidates: tuple[Candidate, ...]
    numbers: np.ndarray


def table(review: Review, trials: Sequence[TrialRow], *, without: Sequence[str] = ()) -> Table:
    """The columns of some trials, those left out in which all are the same.

    Numbers of a logarithmic range and products stand as log10. A trial that has no windows where others have
    them (`Full`) looks back over the whole sequence: it enters with k1 = k2, twice the longest one, and
    k2/k1 = 1. Another number that a trial lacks is in the middle of those that the others have.

    Args:
        without: labels that are left out.
    """
    found: list[Candidate] = []
    columns: list[np.ndarray] = []
    for label, dimension, parts in _labels(review):
        if label in without:
            continue
        values = _values(review, trials, label)
        words = _words(dimension)
        if words is not None:
            new = [np.array([float(value == word) for value in values]) for word in words]
            new = [column for column in new if np.ptp(column) > 0]
        else:
            new = [_column(values, logarithmic=bool(parts) or _logarithmic(dimension))]
        if new and any(np.ptp(column) > 0 for column in new):
            place = tuple(range(len(columns), len(columns) + len(new)))
            found.append(Candidate(label=label, columns=place, one_of=words is not None, parts=parts))
            columns += new
    numbers = np.stack(columns, 1) if columns else np.zeros((len(trials), 0))
    return Table(candidates=tuple(found), numbers=numbers)


def factors(review: Review) -> dict[str, tuple[str, str]]:
    """The factors of each product by its label: `k2` is made of `k1` and `k2/k1`, if k1 is searched too."""
    by_target = {dimension.target: dimension.label for dimension in review.dimensions}
    return {
        d.derived: (by_target[d.multiple_of], d.label)
        for d in review.dimensions
        if d.derived and d.multiple_of in by_target
    }


def varied(review: Review) -> list[Dimension]:
    """The dimensions in which trials can differ."""
    return [dimension for dimension in review.dimensions if len(dimension.values.ends) > 1]


def _labels(review: Review) -> Iterator[tuple[str, Dimension | None, tuple[str, ...]]]:
    """Label, dimension (None of a product) and factors."""
    for product, parts in factors(review).items():
        yield product, None, parts
    for dimension in varied(review):
        yield dimension.label, dimension, ()


def _values(review: Review, trials: Sequence[TrialRow], label: str) -> list[Any]:
    """What each trial has, of windows also those that have none."""
    values = [trial.values.get(label) for trial in trials]
    if not any(value is None for value in values):
        return values
    word = label.rpartition(".")[2]
    if word.partition("/")[0] not in WINDOWS:
        return values
    names = {name for trial in trials for name in trial.values if name.rpartition(".")[2] in WINDOWS}
    found = [trial.values.get(name) for trial in trials for name in names]
    longest = max((value for value in found if value is not None and _is_number(value)), default=1)
    whole = 1.0 if "/" in word else BEYOND * longest
    return [whole if value is None else value for value in values]


def _column(values: Sequence[Any], *, logarithmic: bool) -> np.ndarray:
    numbers = [float(value) if _is_number(value) else None for value in values]
    if logarithmic:
        numbers = [None if n is None or n <= 0 else log10(n) for n in numbers]
    known = [n for n in numbers if n is not None]
    middle = float(np.median(known)) if known else 0.0
    return np.array([middle if n is None else n for n in numbers])


def _words(dimension: Dimension | None) -> list[Any] | None:
    """What a word is chosen from; None of numbers."""
    if dimension is None or not isinstance(dimension.values, Choices):
        return None
    words = dimension.values.points
    return None if all(map(_is_number, words)) else words


def _logarithmic(dimension: Dimension | None) -> bool:
    if dimension is None:
        return True
    kind = dimension.values
    if isinstance(kind, Choices):
        return min(kind.points) > 0 and max(kind.points) >= DECADE * min(kind.points)
    return kind.log


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def in_columns(table: Table, labels: Mapping[str, Any] | Sequence[str]) -> list[int]:
    """The columns of some labels."""
    return [column for c in table.candidates if c.label in labels for column in c.columns]
