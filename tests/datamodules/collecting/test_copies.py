"""Equal examples and the sides of a split."""

import numpy as np
import pytest

from datamodules.collecting.copies import assign_apart, names_of
from datamodules.collecting.partition import Partition

COPIES = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9] * 2)  # example n + 10 is equal to example n
CLASSES = [0, 1] * 10


def assigned(partition, given=None, fields=None, copies=COPIES):
    count = len(copies)
    parts, left_out = assign_apart(
        partition,
        copies,
        source="here",
        classes=CLASSES[:count],
        fields=fields or {},
        given=given or [None] * count,
    )
    return parts.tolist(), left_out.tolist()


@pytest.mark.parametrize("seed", range(4))
def test_copies_follow_each_other(seed):
    parts, left_out = assigned(Partition(shares=(0.4, 0.4, 0.2), seed=seed))
    assert parts[:10] == parts[10:]
    assert [parts.count(number) for number in range(3)] == [8, 8, 4]
    assert not any(left_out)


def test_without_copies_it_is_the_partition_itself():
    partition = Partition(shares=(0.4, 0.4, 0.2), seed=3)
    parts, _ = assigned(partition, copies=np.arange(20)[::-1])
    expected = partition.assign(20, source="here", classes=CLASSES)
    assert [np.flatnonzero(np.array(parts) == number).tolist() for number in range(3)] == [
        numbers.tolist() for numbers in expected
    ]


def test_folds_test_every_copy_once():
    tested = [assigned(Partition(shares=(0.5, 0.5, 0), folds=5, fold=fold))[0] for fold in range(5)]
    assert all(parts[:10] == parts[10:] for parts in tested)
    assert [sum(parts[n] == 2 for parts in tested) for n in range(20)] == [1] * 20


def test_a_later_part_keeps_its_copies():
    given = ["train"] * 10 + ["test"] * 2 + ["val"] * 2 + ["train"] * 6
    parts, left_out = assigned(Partition(), given=given)
    assert names_of(np.array(parts)) == given
    assert np.flatnonzero(left_out).tolist() == [0, 1, 2, 3]


def test_fields_and_groups_decide_first():
    fields = {"who": ["a"] * 10 + ["b"] * 5 + ["c"] * 5}
    parts, left_out = assigned(Partition(by="who", test={"who": "c"}), fields=fields)
    assert parts[15:] == [2] * 5
    assert {parts[0], parts[10]} == {0, 1}
    assert parts[:15] == [parts[0]] * 10 + [parts[10]] * 5
    assert left_out == [parts[n] < parts[(n + 10) % 20] for n in range(20)]


@pytest.mark.parametrize(("given", "counts"), [("test", [12, 4, 4]), ("val", [12, 4, 4])])
def test_a_missing_part_is_drawn_from_the_given_training_part(given, counts):
    parts, _ = assigned(
        Partition(shares=(0.6, 0.2, 0.2)), given=["train"] * 16 + [given] * 4, copies=np.arange(20)
    )
    number = {"val": 1, "test": 2}[given]
    assert parts[16:] == [number] * 4
    assert all(part != number for part in parts[:16])
    assert min(parts.count(n) for n in range(3)) >= 2
