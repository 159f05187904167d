"""Against scipy's own tests, permutations counted by hand, and simulated recipes that do not differ."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from elman.comparing.statistics import exact_p, holm, learned_p, paired, unpaired

A, B = [1.0, 2.0, 4.0, 3.0, 5.5, 2.5, 9.0], [1.5, 2.4, 4.1, 3.9, 5.0, 3.1, 9.9]


def test_pairs_are_students():
    found, theirs = paired(A, B), stats.ttest_rel(B, A)
    ends = theirs.confidence_interval(0.95)
    assert (found.low, found.high, found.p) == pytest.approx((ends.low, ends.high, theirs.pvalue))
    assert (found.count, found.positive, found.negative) == (7, 6, 1)
    gaps = np.subtract(B, A)
    assert found.effect == pytest.approx(gaps.mean() / gaps.std(ddof=1))


def test_what_does_not_pair_is_welchs():
    found, theirs = unpaired(A, B[:4]), stats.ttest_ind(B[:4], A, equal_var=False)
    ends = theirs.confidence_interval(0.95)
    assert (found.low, found.high, found.p) == pytest.approx((ends.low, ends.high, theirs.pvalue))
    assert (found.paired, found.count, found.exact) == (False, 4, None)


def test_the_exact_p_counts_all_signs():
    gaps = np.subtract(B, A)
    means = [abs(np.mean(gaps * signs)) for signs in product((1, -1), repeat=7)]
    assert exact_p(gaps) == pytest.approx(np.mean([mean >= abs(gaps.mean()) - 1e-12 for mean in means]))
    assert exact_p([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) == pytest.approx(2 / 64)
    assert paired(A[:5], B[:5]).exact is None  # at five it cannot be below 0.0625
    assert paired(A[:6], B[:6]).exact is not None


def test_one_pair_has_no_interval_and_equal_ones_no_difference():
    assert (paired([1.0], [2.0]).low, paired([1.0], [2.0]).p) == (None, None)
    same = paired([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    assert (same.p, same.excludes_zero, same.effect) == (1.0, False, 0.0)
    shifted = paired([1.0, 2.0], [1.5, 2.5])
    assert (shifted.p, shifted.effect) == (0.0, float("inf"))


def test_holm_of_his_paper():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_how_many_learned_is_fishers():
    assert learned_p((5, 5), (0, 5)) == pytest.approx(2 / 252)
    assert learned_p((5, 5), (3, 5)) > 0.4


@pytest.mark.parametrize("count", [3, 5, 10])
def test_recipes_that_do_not_differ_are_claimed_to_in_six_of_a_hundred_at_most(count):
    """800 draws; `benchmarks/claims.py` draws more, also of skewed noise and of unequal spreads."""
    draw = np.random.default_rng(count)
    claims = covers = 0
    for _ in range(800):
        one, other = draw.normal(size=(2, count))
        found = paired(one.tolist(), (other + 1.0).tolist())
        covers += found.low <= 1.0 <= found.high
        claims += paired(one.tolist(), other.tolist()).excludes_zero
    assert claims <= 48
    assert covers >= 744
