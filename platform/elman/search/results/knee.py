"""The knee of a Pareto front: where a little more of one objective stops buying much of the other."""

from __future__ import annotations

from elman.search.results.review import Review, TrialRow


def knee(review: Review) -> TrialRow | None:
    """The trial of the front that lies farthest below the straight line between the front's ends.

    Both objectives are scaled to [0, 1] over the front, less being better, so that the ends are (0, 1) and
    (1, 0) and the distance of a point is (1 - x - y) / sqrt(2).

    Returns:
        None where the front has fewer than three points, nowhere bends below the line, or has another number
        of objectives than two.

    Source: Das (1999), Structural Optimization 18, 107-115, "On characterizing the knee of the Pareto curve
    based on Normal-Boundary Intersection".
    Differs: the front is the finite set of trials, and it is scaled first.
    """
    front = review.pareto()
    if len(review.objectives) != 2 or len(front) < 3:
        return None
    points = [[trial.measured(name) for trial in front] for name in review.objectives]
    scaled = [
        _scaled(values, maximize=direction == "maximize")
        for values, direction in zip(points, review.objectives.values(), strict=True)
    ]
    below = [1 - x - y for x, y in zip(*scaled, strict=True)]
    deepest = max(below)
    return front[below.index(deepest)] if deepest > 1e-9 else None


def _scaled(values: list[float], *, maximize: bool) -> list[float]:
    """From 0, the best, to 1."""
    low, high = min(values), max(values)
    return [((high - value) if maximize else (value - low)) / (high - low) for value in values]
