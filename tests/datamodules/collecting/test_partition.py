"""Which examples train, validate and test."""

import numpy as np
import pytest

from datamodules.collecting.partition import Partition
from elman.errors import BadInput

CLASSES = [0] * 60 + [1] * 30 + [2] * 10
SPEAKERS = [f"speaker {number % 7}" for number in range(100)]
FIELDS = {"speaker": SPEAKERS, "take": [str(number % 5) for number in range(100)]}


def assign(partition, **more):
    return partition.assign(100, source="recordings", **{"classes": CLASSES, "fields": FIELDS, **more})


def test_every_example_is_in_one_part_and_classes_are_dealt_evenly():
    parts = assign(Partition(shares=(0.7, 0.1, 0.2)))
    assert sorted(np.concatenate(parts).tolist()) == list(range(100))
    counts = [np.bincount(np.array(CLASSES)[part], minlength=3).tolist() for part in parts]
    assert counts == [[42, 21, 7], [6, 3, 1], [12, 6, 2]]


def test_the_seed_decides():
    one, same, other = (assign(Partition(seed=seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[2], other[2])


def test_groups_stay_together():
    parts = assign(Partition(by="speaker", shares=(0.5, 0.25, 0.25)))
    sides = [{SPEAKERS[i] for i in part} for part in parts]
    assert all(sides)
    assert sum(map(len, sides)) == len(set(SPEAKERS))


@pytest.mark.parametrize("by", [None, "speaker"])
def test_folds_test_every_example_once(by):
    tests = [assign(Partition(folds=7, fold=fold, by=by))[2] for fold in range(7)]
    assert sorted(np.concatenate(tests).tolist()) == list(range(100))
    if by:
        assert [{SPEAKERS[i] for i in test} for test in tests] == [{f"speaker {n}"} for n in range(7)]
    else:
        shares = [np.bincount(np.array(CLASSES)[test], minlength=3) for test in tests]
        assert max(int(s[0]) for s in shares) - min(int(s[0]) for s in shares) <= 1


def test_fields_name_the_parts():
    parts = assign(Partition(test={"take": [0, 1]}, val={"take": ["2"]}))
    takes = [sorted({FIELDS["take"][i] for i in part}) for part in parts]
    assert takes == [["3", "4"], ["2"], ["0", "1"]]


def test_what_is_given_stays():
    given = ["test" if i < 10 else "val" if i < 15 else None for i in range(100)]
    parts = assign(Partition(), given=given)
    assert parts[2].tolist() == list(range(10))
    assert parts[1].tolist() == list(range(10, 15))
    only_test = [value if value == "test" else None for value in given]
    parts = assign(Partition(shares=(0.8, 0.1, 0.1)), given=only_test)
    assert parts[2].tolist() == list(range(10))
    assert len(parts[1]) == 10  # a ninth of the ninety that are left


def test_a_part_that_is_not_given_is_drawn_from_training():
    given = ["test" if i < 10 else "train" for i in range(100)]
    parts = assign(Partition(), given=given)
    assert parts[2].tolist() == list(range(10))
    assert [len(part) for part in parts] == [80, 10, 10]


def test_a_class_with_one_example_trains():
    parts = Partition().assign(11, source="x", classes=[0] * 10 + [1])
    assert 10 in parts[0]


@pytest.mark.parametrize(
    ("partition", "message"),
    [
        (
            Partition(by="room"),
            r"recordings: split\.by names the field 'room', but its examples have speaker",
        ),
        (Partition(test={"take": [9]}), r"no example has take=9, which split\.test names; there are 0, 1"),
        (Partition(folds=8, by="speaker"), r"7 speaker groups cannot make split\.folds=8"),
    ],
)
def test_what_cannot_be_done_is_told(partition, message):
    with pytest.raises(BadInput, match=message):
        assign(partition)


def test_too_little_data_is_told():
    with pytest.raises(BadInput, match="leave the val part empty"):
        Partition().assign(1, source="one file")


def test_a_group_on_two_given_sides_is_told():
    given = ["test" if i < 10 else None for i in range(100)]
    with pytest.raises(BadInput, match=r"values of split\.by=speaker are in training and in test"):
        assign(Partition(by="speaker"), given=given)


@pytest.mark.parametrize(
    "arguments",
    [
        {"shares": (0.9, 0.2, 0.1)},
        {"seed": -1},
        {"folds": 1},
        {"folds": 3, "fold": 3},
        {"folds": 3, "test": {"a": 1}},
    ],
)
def test_values_out_of_range(arguments):
    with pytest.raises(ValueError, match=r"must|both"):
        Partition(**arguments)
