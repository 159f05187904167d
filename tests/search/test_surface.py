"""What lies between trials in the plane of k1 and k2."""

import math
from dataclasses import replace

import numpy as np
import pytest
from study_toys import LOSS, review, row

from elman.search.pictures.plane import plane_of
from elman.search.pictures.surface import surface
from elman.search.space.space import Dimension, Range

POINTS = [(2, 2), (2, 8), (8, 8), (8, 32), (4, 12), (2, 16), (8, 16)]


def study(points, value, *, log=False):
    """Trials at these points, in a space of k1 and k2 themselves."""
    k1, k2 = (
        Dimension(target=f"model.bptt.{k}", label=k, values=Range(low=2, high=64, integer=True, log=log))
        for k in ("k1", "k2")
    )
    trials = [
        row(n, value(*point), values=dict(zip(("k1", "k2"), point, strict=True)))
        for n, point in enumerate(points)
    ]
    return review(*trials, dimensions=(k1, k2))


def at(found, k1, k2):
    """The value at the grid's nearest point."""
    return found.values[np.abs(found.k2 - k2).argmin(), np.abs(found.k1 - k1).argmin()]


def test_what_is_linear_is_met_between_the_points():
    given = study(POINTS, lambda k1, k2: 0.1 * k1 - 0.01 * k2)
    plane = plane_of(given)
    assert plane.log == (False, False)
    found = surface(given, plane)
    k1, k2 = np.meshgrid(found.k1, found.k2)
    inside = np.isfinite(found.values)
    expected = np.clip(0.1 * k1 - 0.01 * k2, plane.shown.low, plane.shown.high)
    assert inside.sum() > 1000
    np.testing.assert_allclose(found.values[inside], expected[inside], atol=1e-9)


def test_a_logarithmic_axis_is_linear_in_the_logarithm():
    given = study(POINTS, lambda k1, k2: math.log(k1), log=True)
    plane = plane_of(given)
    assert plane.log[0]
    found = surface(given, plane)
    inside = np.isfinite(found.values)
    expected = np.broadcast_to(np.log(found.k1), found.values.shape)
    np.testing.assert_allclose(found.values[inside], expected[inside], atol=1e-9)


def test_trials_at_one_point_count_as_their_median():
    one = study([*POINTS, (2, 8), (2, 8)], lambda k1, k2: 1.0)
    values = [trial if trial.number != 8 else replace(trial, objectives={LOSS: 9.0}) for trial in one.trials]
    given = replace(one, trials=tuple(values))
    found = surface(given, plane_of(given))
    assert np.nanmax(found.values) == pytest.approx(1.0)


def test_nothing_is_drawn_outside_of_what_was_tried():
    given = study(POINTS, lambda k1, k2: float(k1))
    found = surface(given, plane_of(given))
    assert np.isnan(at(found, 2, 32))
    assert np.isnan(at(found, 8, 3))


@pytest.mark.parametrize(
    "points", [POINTS[:5], [(k, k) for k in range(2, 12)], [(k, 2 * k) for k in range(2, 12)]]
)
def test_too_few_points_or_all_on_a_line(points):
    given = study(points, lambda k1, k2: float(k1))
    assert surface(given, plane_of(given)) is None
