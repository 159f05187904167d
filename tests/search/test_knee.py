"""The knee of a front, with points placed by hand."""

from math import sqrt

import pytest
from study_toys import COST, LOSS, review, row

from elman.search.results.knee import knee


def study(*pairs, loss="minimize", cost="minimize"):
    trials = [row(n, objectives=dict(zip((LOSS, COST), pair, strict=True))) for n, pair in enumerate(pairs)]
    return review(*trials, objectives={LOSS: loss, COST: cost})


def test_the_point_farthest_below_the_line():
    """Ends (0, 10) and (1, 0). Scaled, 2 is (0.2, 0.3), 0.5 below the line times sqrt(2); 3 is (0.6, 0.2)."""
    found = knee(study((0, 10), (1, 0), (0.2, 3), (0.6, 2)))
    assert found.number == 2
    distances = {(0.2, 0.3): (1 - 0.5) / sqrt(2), (0.6, 0.2): (1 - 0.8) / sqrt(2)}
    assert max(distances, key=distances.get) == (0.2, 0.3)


def test_axes_are_scaled():
    """Unscaled, the second figure would decide alone: 2 is (0.1, 0.6), 3 is (0.5, 0.1) on scales of one."""
    assert knee(study((0, 1000), (1, 0), (0.1, 600), (0.5, 100))).number == 3
    assert knee(study((0, 1), (1000, 0), (100, 0.6), (500, 0.1))).number == 3


def test_a_figure_that_is_maximised_is_turned():
    """Loss 0 costs, accuracy counts up: (0.2, 7) is 0.3 from the best 10, as in the first test."""
    assert knee(study((0, 0), (1, 10), (0.2, 7), (0.6, 8), cost="maximize")).number == 2
    assert knee(study((1, 10), (0, 0), (0.8, 3), (0.4, 2), loss="maximize")).number == 2


def test_a_front_that_bends_away_has_none():
    assert knee(study((0, 1), (1, 0), (0.9, 0.9))) is None
    assert knee(study((0, 1), (1, 0), (0.5, 0.5))) is None


@pytest.mark.parametrize("pairs", [(), ((1, 1),), ((0, 1), (1, 0)), ((0, 1), (1, 0), (2, 2))])
def test_too_short_a_front_has_none(pairs):
    assert knee(study(*pairs)) is None


def test_one_objective_has_none():
    assert knee(review(row(0, 1.0), row(1, 2.0), row(2, 3.0))) is None
