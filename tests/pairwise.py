"""Cases for axes of which no three act together: every two values of two axes meet in one of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any


def pairs(*axes: Iterable[Any]) -> list[tuple[Any, ...]]:
    """As few cases as the two longest axes have pairs, and few more; the same ones each time."""
    values = [list(axis) for axis in axes]
    longest, second = sorted(range(len(values)), key=lambda axis: -len(values[axis]))[:2]
    met, cases = set[tuple[tuple[int, int], ...]](), []

    def new(case: dict[int, int], axis: int, at: int) -> int:
        """How many pairs a value adds."""
        return sum(tuple(sorted([(axis, at), place])) not in met for place in case.items())

    def add(case: dict[int, int]) -> None:
        for axis in (axis for axis in range(len(values)) if axis not in case):
            case[axis] = max(range(len(values[axis])), key=lambda at, axis=axis: new(case, axis, at))
        met.update(itertools.combinations(sorted(case.items()), 2))
        cases.append(tuple(values[axis][case[axis]] for axis in range(len(values))))

    for a, b in itertools.product(range(len(values[longest])), range(len(values[second]))):
        add({longest: a, second: b})
    for one, other in itertools.combinations(range(len(values)), 2):
        for a, b in itertools.product(range(len(values[one])), range(len(values[other]))):
            if ((one, a), (other, b)) not in met:
                add({one: a, other: b})
    return cases
