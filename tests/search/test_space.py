"""Which values are tried together, and what they are in the recipe."""

import random

import pytest

from elman.search.space.space import Choices, Dimension, Range, Space, labels

K1 = Dimension(target="model.bptt.k1", label="k1", values=Range(low=2, high=4, integer=True))
K2 = Dimension(
    target="model.bptt.k2",
    label="k2/k1",
    values=Range(low=1, high=2, integer=True),
    multiple_of="model.bptt.k1",
)
BPTT = Dimension(
    target="model.bptt", label="bptt", values=Choices(values={"Full": "Full", "Truncated": "Truncated"})
)
LR = Dimension(target="model.lr", label="lr", values=Range(low=0.1, high=0.3, integer=False, step=0.1))
TAKEN = {("bptt", "Full"): frozenset(), ("bptt", "Truncated"): frozenset({"k1", "k2"})}
SPACE = Space((K2, LR, K1, BPTT), TAKEN)


class Drawn:
    """A sampler's trial that draws at random and remembers what it was asked."""

    def __init__(self, seed):
        self.random, self.asked = random.Random(seed), []

    def suggest_int(self, name, low, high, *, step=1, log=False):
        self.asked.append((name, low, high, step, log))
        return self.random.randrange(low, high + 1, step)

    def suggest_float(self, name, low, high, *, step=None, log=False):
        self.asked.append((name, low, high, step, log))
        return self.random.uniform(low, high)

    def suggest_categorical(self, name, choices):
        self.asked.append((name, tuple(choices)))
        return self.random.choice(choices)


def test_what_does_not_apply_is_not_drawn():
    drawn = [SPACE.draw(Drawn(seed)) for seed in range(50)]
    assert {frozenset(values) for values in drawn} == {
        frozenset({"bptt", "lr"}),
        frozenset({"bptt", "lr", "k1", "k2/k1"}),
    }
    assert all(("k1" in values) == (values["bptt"] == "Truncated") for values in drawn)


def test_ranges_are_the_same_in_every_trial():
    asked = set()
    for seed in range(50):
        trial = Drawn(seed)
        SPACE.draw(trial)
        asked |= set(trial.asked)
    assert asked == {
        ("bptt", ("Full", "Truncated")),
        ("k1", 2, 4, 1, False),
        ("k2/k1", 1, 2, 1, False),
        ("lr", 0.1, 0.3, 0.1, False),
    }


def test_k2_is_a_multiple_of_k1_and_never_below_it():
    for seed in range(50):
        values = SPACE.draw(Drawn(seed))
        targets = SPACE.targets(values)
        if values["bptt"] == "Full":
            assert set(targets) == {"model.bptt", "model.lr"}
        else:
            assert targets["model.bptt.k2"] == values["k1"] * values["k2/k1"] >= targets["model.bptt.k1"]


@pytest.mark.parametrize(("k1", "factor", "k2"), [(5, 1.0, 5), (5, 1.5, 8), (7, 2.4, 17), (3, 1.1, 3)])
def test_a_multiple_that_is_no_whole_number_is_rounded(k1, factor, k2):
    times = Dimension(
        target="model.bptt.k2",
        label="k2/k1",
        values=Range(low=1.0, high=3.0, integer=False),
        multiple_of="model.bptt.k1",
    )
    space = Space((K1, times))
    assert space.targets({"k1": k1, "k2/k1": factor})["model.bptt.k2"] == k2
    assert space.with_products({"k1": k1, "k2/k1": factor}) == {"k1": k1, "k2/k1": factor, "k2": k2}


def test_a_multiple_of_what_is_not_searched():
    space = Space((K2,), fixed={"model.bptt.k1": 20})
    assert space.targets({"k2/k1": 2}) == {"model.bptt.k2": 40}


def test_the_grid_has_every_point_once():
    points = SPACE.grid()
    # Full: three rates; Truncated: three rates, three k1, two factors.
    assert len(points) == 3 + 3 * 3 * 2
    assert len({tuple(sorted(point.items())) for point in points}) == len(points)
    assert sum(point["bptt"] == "Full" for point in points) == 3
    assert sorted({round(point["lr"], 9) for point in points}) == [0.1, 0.2, 0.3]


def test_a_grid_is_made_no_further_than_asked():
    endless = Dimension(target="data.seed", label="seed", values=Range(low=1, high=300, integer=True))
    other = Dimension(
        target="data.batch_size", label="batch_size", values=Range(low=1, high=300, integer=True)
    )
    third = Dimension(target="data.lag", label="lag", values=Range(low=1, high=300, integer=True))
    assert len(Space((endless, other, third)).grid(5)) == 5
    assert SPACE.grid(4) == SPACE.grid()[:4]


def test_a_grid_over_all_numbers_is_refused():
    endless = Dimension(target="model.lr", label="lr", values=Range(low=0.1, high=0.3, integer=False))
    with pytest.raises(ValueError, match=r"model\.lr ranges over endless many numbers"):
        Space((endless,)).grid()


def test_corners_have_both_ends_of_everything():
    corners = SPACE.corners()
    for label, ends in {
        "bptt": {"Full", "Truncated"},
        "k1": {2, 4},
        "k2/k1": {1, 2},
        "lr": {0.1, 0.3},
    }.items():
        assert {corner[label] for corner in corners if label in corner} == ends
    for corner in corners:
        assert ("k1" in corner) == (corner["bptt"] == "Truncated")


def test_only_some_spaces_are_conditional():
    assert SPACE.conditional
    assert not Space((K1, K2, LR)).conditional


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ({"model.bptt.k1": None, "model.bptt.k2": "model.bptt.k1"}, ["k1", "k2/k1"]),
        (
            {"model.core.dropout": None, "model.context_encoder.dropout": None, "data.batch_size": None},
            ["core.dropout", "context_encoder.dropout", "batch_size"],
        ),
        ({"seed_everything": None}, ["seed_everything"]),
    ],
)
def test_names_are_short_and_unique(targets, expected):
    assert list(labels(targets).values()) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"low": 3, "high": 2, "integer": True}, "low must be at most high"),
        ({"low": 0, "high": 2, "integer": True, "log": True}, "must begin above zero"),
        ({"low": 1, "high": 2, "integer": True, "log": True, "step": 1}, "has no step"),
        ({"low": 1, "high": 2, "integer": True, "step": 0}, "step must be positive"),
    ],
)
def test_impossible_ranges(given, expected):
    with pytest.raises(ValueError, match=expected):
        Range(**given)
