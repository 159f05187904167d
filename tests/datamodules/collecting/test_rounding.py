"""Shares of classes and groups: right in every class and over all, for any sizes."""

import numpy as np
import pytest

from datamodules.collecting.partition import Partition
from datamodules.collecting.rounding import class_counts
from elman.errors import BadInput

SHARES = [(0.8, 0.1, 0.1), (0.6, 0.2, 0.2), (0.9, 0.1, 0.0), (0.34, 0.33, 0.33), (0.05, 0.05, 0.9)]


def sizes_of(draw, kind):
    """Sizes of classes or groups: equal and small, unequal, or one giant among single ones."""
    count = int(draw.integers(1, 60))
    if kind == "equal":
        return np.full(count, draw.integers(1, 8))
    if kind == "giant":
        return np.append(np.ones(count, dtype=int), draw.integers(50, 300))
    return draw.integers(1, 40, count)


def parts_of(partition, sizes, **more):
    of = np.repeat(np.arange(len(sizes)), sizes)
    order = np.random.default_rng(len(sizes)).permutation(len(of))
    return of[order], partition.assign(len(of), source="here", **{k: v(of[order]) for k, v in more.items()})


def classes(of):
    return of.tolist()


def fields(of):
    return {"who": [f"speaker {n:03}" for n in of]}


@pytest.mark.parametrize(
    ("count", "size", "shares", "sums"),
    [
        (100, 3, (0.8, 0.1, 0.1), [240, 30, 30]),
        (100, 5, (0.8, 0.1, 0.1), [400, 50, 50]),
        (10, 9, (0.7, 0.2, 0.1), [63, 18, 9]),
        (40, 1, (0.5, 0.25, 0.25), [20, 10, 10]),
    ],
)
def test_small_classes_add_up_to_the_shares(count, size, shares, sums):
    of, parts = parts_of(Partition(shares=shares), [size] * count, classes=classes)
    assert [len(part) for part in parts] == sums
    inside = np.stack([np.bincount(of[part], minlength=count) for part in parts], axis=1)
    assert np.abs(inside - size * np.array(shares)).max() < 1


@pytest.mark.parametrize(
    ("count", "size", "folds", "sizes"), [(10, 6, 5, [12] * 5), (10, 4, 5, [8] * 5), (3, 7, 4, [6, 5, 5, 5])]
)
def test_small_classes_make_equal_folds(count, size, folds, sizes):
    dealt = [
        parts_of(Partition(folds=folds, fold=n), [size] * count, classes=classes)[1][2] for n in range(folds)
    ]
    assert [len(test) for test in dealt] == sizes


@pytest.mark.parametrize("kind", ["equal", "any", "giant"])
@pytest.mark.parametrize("shares", SHARES)
@pytest.mark.parametrize("seed", range(12))
def test_every_class_and_the_sums_are_within_one(kind, shares, seed):
    sizes = sizes_of(np.random.default_rng(seed), kind)
    while sizes.sum() * min(share for share in shares if share) < 1:
        sizes = np.append(sizes, 10)  # or a part gets an example that its share does not give
    total = sizes.sum()
    of, parts = parts_of(Partition(shares=shares, seed=seed), sizes, classes=classes)
    assert sorted(np.concatenate(parts).tolist()) == list(range(total))
    inside = np.stack([np.bincount(of[part], minlength=len(sizes)) for part in parts], axis=1)
    assert np.abs(inside - sizes[:, None] * np.array(shares)).max() < 1
    assert np.abs(inside.sum(0) - total * np.array(shares)).max() < 1


@pytest.mark.parametrize("kind", ["equal", "any", "giant"])
@pytest.mark.parametrize("seed", range(12))
def test_every_fold_is_within_one(kind, seed):
    draw = np.random.default_rng(seed)
    sizes = sizes_of(draw, kind)
    folds = int(draw.integers(2, 9))
    if sizes.sum() < 3 * folds:
        sizes = np.append(sizes, 3 * folds)
    tests = []
    for fold in range(folds):
        of, (train, val, test) = parts_of(
            Partition(folds=folds, fold=fold, seed=seed, shares=(0.5, 0.5, 0)), sizes, classes=classes
        )
        assert not (set(train.tolist()) & set(val.tolist())) | (set(test.tolist()) & set(val.tolist()))
        tests.append(test)
    assert sorted(np.concatenate(tests).tolist()) == list(range(sizes.sum()))
    inside = np.stack([np.bincount(of[test], minlength=len(sizes)) for test in tests])
    assert (inside.max(0) - inside.min(0)).max() <= 1
    assert np.ptp(inside.sum(1)) <= 1


@pytest.mark.parametrize("kind", ["equal", "any", "giant"])
@pytest.mark.parametrize("shares", SHARES[:4])
@pytest.mark.parametrize("seed", range(12))
def test_groups_are_within_the_largest_and_on_one_side(kind, shares, seed):
    sizes = sizes_of(np.random.default_rng(seed), kind)
    wanted = np.array(shares) > 0
    while len(sizes) * min(share for share in shares if share) < 1:
        sizes = np.append(sizes, 3)  # or a part gets a group that its share does not give
    of, parts = parts_of(Partition(shares=shares, seed=seed, by="who"), sizes, fields=fields)
    sides = [set(of[part].tolist()) for part in parts]
    assert all(bool(side) == bool(want) for side, want in zip(sides, wanted, strict=True))
    assert sum(map(len, sides)) == len(sizes)
    off = np.array([len(part) for part in parts]) - sizes.sum() * np.array(shares)
    assert np.abs(off).max() <= sizes.max()


@pytest.mark.parametrize("kind", ["equal", "any", "giant"])
@pytest.mark.parametrize("seed", range(12))
def test_folds_of_groups_are_within_the_largest(kind, seed):
    draw = np.random.default_rng(seed)
    folds = int(draw.integers(2, 6))
    sizes = np.append(sizes_of(draw, kind), draw.integers(1, 5, 2 * folds))
    tests = []
    for fold in range(folds):
        partition = Partition(folds=folds, fold=fold, seed=seed, by="who", shares=(0.5, 0.5, 0))
        of, parts = parts_of(partition, sizes, fields=fields)
        sides = [set(of[part].tolist()) for part in parts]
        assert all(sides)
        assert sum(map(len, sides)) == len(sizes)
        tests.append(parts[2])
    assert sorted(np.concatenate(tests).tolist()) == list(range(sizes.sum()))
    assert np.ptp([len(test) for test in tests]) <= sizes.max()


@pytest.mark.parametrize("seed", range(40))
def test_given_parts_and_groups_are_on_one_side_or_refused(seed):
    draw = np.random.default_rng(seed)
    sizes = np.append([2, 3, 4, 5], sizes_of(draw, "any"))
    of = np.repeat(np.arange(len(sizes)), sizes)
    given = draw.choice(["train", "val", "test", ""], p=draw.dirichlet([1, 0.2, 0.2, 2]), size=len(sizes))
    given[:4] = ["train", "val", "test", ""]
    each = [str(given[group]) or None for group in of]
    partition = Partition(by="who", seed=seed)
    parts = partition.assign(len(of), source="here", fields=fields(of), given=each)
    sides = [set(of[part].tolist()) for part in parts]
    assert sum(map(len, sides)) == len(sizes)
    for number, name in enumerate(("train", "val", "test")):
        assert {i for i, value in enumerate(each) if value == name} <= set(parts[number].tolist())
    each[int(draw.integers(2, 5))] = "test"  # of the group that validates
    with pytest.raises(BadInput, match=r"1 values of split\.by=who are in validation and in test"):
        partition.assign(len(of), source="here", fields=fields(of), given=each)


def test_a_group_given_to_test_is_not_drawn_to_validation():
    """By seed it went to training, and was refused, or to validation, and was not."""
    given = ["test" if n < 3 else None for n in range(60)]
    who = {"who": ["ann" if n < 6 else f"speaker {n}" for n in range(60)]}
    for seed in range(20):
        with pytest.raises(
            BadInput, match=r"1 values of split\.by=who are in (training|validation) and in test"
        ):
            Partition(by="who", seed=seed).assign(60, source="here", fields=who, given=given)
    parts = Partition(seed=3).assign(60, source="here", fields=who, given=given)  # the way out
    assert parts[2].tolist() == [0, 1, 2]


def test_a_group_that_tests_takes_along_what_is_named_for_validation():
    who = {"who": [f"speaker {n % 10}" for n in range(60)], "take": [str(n // 10) for n in range(60)]}
    train, val, test = Partition(by="who", val={"take": 5}).assign(60, source="here", fields=who)
    assert len(test) == 6  # all takes of one speaker
    assert len({who["who"][n] for n in test}) == 1
    assert {who["take"][n] for n in val} == {"5"}
    assert not {who["who"][n] for n in val} & {who["who"][n] for n in test}
    assert len(train) + len(val) == 54


def test_what_is_right_for_each_class_alone_stays():
    draw = np.random.default_rng(0)
    counts = class_counts(np.array([300, 299, 301]), (0.8, 0.1, 0.1), draw)
    assert counts.tolist() == [[240, 30, 30], [239, 30, 30], [241, 30, 30]]


def test_a_class_of_one_trains_where_that_can_be():
    counts = class_counts(np.array([10] * 9 + [1] * 10), (0.8, 0.1, 0.1), np.random.default_rng(0))
    assert counts.sum(0).tolist() == [80, 10, 10]
    assert counts[:9].tolist() == [[8, 1, 1]] * 9
