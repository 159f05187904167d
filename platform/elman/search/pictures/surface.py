"""The objective between the trials of the plane of k1 and k2, as far as they tell it."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from elman.search.pictures.plane import Plane
from elman.search.results.review import Review

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_POINTS = 6
FLATTEST = 0.02  # share of the plane that the points must span, or there is a line and no surface
GRID = 80


@dataclass(frozen=True, kw_only=True)
class Surface:
    """A regular grid over the plane.

    Args:
        k1, k2: (GRID,) in time steps, evenly apart as they are drawn.
        values: (GRID, GRID) of k2 and k1; not a number outside of the points tried.
    """

    k1: NDArray
    k2: NDArray
    values: NDArray


def surface(review: Review, plane: Plane) -> Surface | None:
    """Linear between neighbouring points, each the median of its trials; None: too few of them.

    Values beyond what the colours tell apart are cut to it. Other dimensions of the space vary too, so the
    surface is a guide for the eye; what was measured are the points.

    Source: Delaunay triangulation and linear interpolation, as `scipy.interpolate.griddata` does it.
    """
    import numpy as np
    from scipy.interpolate import griddata
    from scipy.spatial import ConvexHull, QhullError

    at: dict[tuple[float, float], list[float]] = {}
    for trial in plane.complete:
        at.setdefault((trial.values[plane.k1], trial.values[plane.k2]), []).append(
            trial.measured(review.objective)
        )
    if len(at) < LEAST_POINTS:
        return None
    values = np.array([plane.shown.within(median(measured)) for measured in at.values()])
    if plane.shown.log:
        values = np.log(values)
    bounds = [np.log(b) if log else np.array(b) for b, log in zip(plane.bounds, plane.log, strict=True)]
    points = np.array(list(at), dtype=float)
    for axis, log in enumerate(plane.log):
        column = np.log(points[:, axis]) if log else points[:, axis]
        points[:, axis] = (column - bounds[axis][0]) / (bounds[axis][1] - bounds[axis][0])
    try:
        if ConvexHull(points).volume < FLATTEST:  # in a plane, qhull's volume is the area
            return None
    except QhullError:
        return None
    even = np.linspace(0.0, 1.0, GRID)
    x, y = np.meshgrid(even, even)
    grid = griddata(points, values, (x, y), method="linear")
    k1, k2 = (
        np.exp(b[0] + even * (b[1] - b[0])) if log else b[0] + even * (b[1] - b[0])
        for b, log in zip(bounds, plane.log, strict=True)
    )
    return Surface(k1=k1, k2=k2, values=np.exp(grid) if plane.shown.log else grid)
