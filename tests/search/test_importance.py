"""What decided: an effect that was put in is found."""

import random

import pytest
from study_toys import CORE, K1, LAYERS, LR, RATIO, realistic, review, row

from elman.search.results.importance import importance

pytestmark = pytest.mark.usefixtures("strict")


def study(effect, count=40, **more):
    """Trials drawn at random; the value is `effect` of their values."""
    draw, trials = random.Random(1), []
    for number in range(count):
        values = {"k1": draw.randint(5, 80), "k2/k1": draw.randint(1, 6), "layers": draw.randint(1, 4)}
        values |= {"lr": 10 ** draw.uniform(-4, -2), "k2": values["k1"] * values["k2/k1"]}
        trials.append(row(number, effect(values), values=values))
    return review(*trials, **more)


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
@pytest.mark.parametrize("label", ["k1", "k2/k1", "lr"])
def test_the_only_value_that_matters_is_first(label, direction):
    shares = importance(
        study(lambda values: float(values[label]), objectives={"val/bits_per_step": direction})
    )
    assert next(iter(shares)) == label
    assert shares[label] > 0.5
    assert sum(shares.values()) == pytest.approx(1)
    assert list(shares.values()) == sorted(shares.values(), reverse=True)


@pytest.mark.parametrize(("direction", "first"), [("maximize", "lr"), ("minimize", "k1")])
def test_it_asks_what_made_trials_good_not_bad(direction, first):
    """A large lr makes the highest values, a large k1 the lowest."""

    def value(values):
        return 10.0 if values["lr"] > 4e-3 else -values["k1"]

    assert next(iter(importance(study(value, 100, objectives={"val/bits_per_step": direction})))) == first


def test_products_are_no_dimensions():
    assert set(importance(study(lambda values: float(values["k2"])))) == {"k1", "k2/k1", "layers", "lr"}


def test_values_that_only_some_trials_have():
    shares = importance(realistic())
    assert set(shares) == {"bptt", "core", "k1", "k2/k1", "layers", "lr"}


def test_same_study_same_shares():
    assert importance(realistic()) == importance(realistic())


def test_too_few_or_equal_ones_have_no_shares():
    assert importance(review()) == {}
    assert importance(study(lambda values: float(values["lr"]), count=3)) == {}
    assert importance(study(lambda values: 1.0)) == {}
    assert importance(review(*[row(n, float(n)) for n in range(9)])) == {}


def test_values_outside_the_space_do_not_matter():
    trials = [row(n, float(n), values={"k1": n, "core": "other", "lr": "x"}) for n in range(30)]
    assert set(importance(review(*trials, dimensions=(K1, RATIO, LAYERS, LR, CORE)))) <= {"k1"}


def test_optuna_stays_as_loud_as_it_was(capfd):
    import optuna

    before = optuna.logging.get_verbosity()
    importance(realistic())
    assert optuna.logging.get_verbosity() == before
    assert capfd.readouterr() == ("", "")
