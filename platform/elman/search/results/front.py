"""Which points no other point beats: the Pareto front of numbers, less being better."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf


def front(costs: Sequence[Sequence[float]]) -> list[int]:
    """Places of the points that no other beats in every cost, cheapest in the first cost first.

    Of equal points the first is kept.

    Args:
        costs: of each point, as many for all, none of them NaN.

    Cost: that of sorting for one or two costs; with more, n times the size of the front.
    """
    # In this order no point is beaten by one after it, and what beats it is beaten by none before it.
    ordered = sorted(range(len(costs)), key=lambda i: (*costs[i], i))
    if ordered and len(costs[0]) > 2:
        return _of_many(costs, ordered)
    least = inf
    kept: list[int] = []
    for i in ordered:
        last = costs[i][-1] if len(costs[i]) == 2 else 0.0
        if last < least or not kept:
            kept.append(i)
            least = last
    return kept


def _of_many(costs: Sequence[Sequence[float]], ordered: Sequence[int]) -> list[int]:
    import numpy as np

    points = np.array([costs[i] for i in ordered], dtype=float)
    kept: list[int] = []  # places in the order
    for place, point in enumerate(points):
        if not (points[kept] <= point).all(axis=1).any():
            kept.append(place)
    return [ordered[place] for place in kept]
