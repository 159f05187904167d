"""Whole batches: what is made at once is what single windows make."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from collected_toys import COLLECTED, refilled, whole
from torch import Tensor

from datamodules.collecting.batching import Batching, Planned
from datamodules.collecting.examples import (
    Example,
    ManyAtOnce,
    collate,
    many_to_one,
    many_to_one_batch,
    padded,
    whole_batches,
)
from datamodules.digits import Digits


def equal(one: object, other: object) -> bool:
    """Equal in type, shape and every bit."""
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other


@pytest.mark.parametrize("kind", COLLECTED, ids=lambda kind: kind.__name__)
def test_a_whole_batch_is_its_windows_collated(kind, tmp_path):
    data = COLLECTED[kind](tmp_path, whole())
    data.prepare_data()
    data.setup("fit")
    examples, lengths = data._examples, data._examples.lengths
    draw = np.random.default_rng(0)
    for numbers in ([len(lengths) - 1], draw.permutation(len(lengths))[:7]):
        windows = [examples.window(int(n), 0, int(lengths[n])) for n in numbers]
        assert equal(whole_batches(examples)(np.array(numbers)), collate(windows))


@pytest.mark.parametrize("reading", ["whole", "rows", "pixels", "permuted"])
def test_pixels_in_every_reading(reading):
    data = Digits(reading=reading)
    data.setup("fit")
    examples, numbers = data._examples, np.array([5, 0, 1796])
    assert isinstance(examples, ManyAtOnce)
    windows = [examples.window(int(n), 0, int(examples.lengths[n])) for n in numbers]
    assert equal(examples.batch(numbers), collate(windows))


def test_only_whole_examples_are_made_at_once():
    at_once: list[list[int]] = []

    class Counted:
        lengths = np.array([4, 2, 3, 4, 1])

        def window(self, number: int, start: int, stop: int) -> Example:
            return many_to_one(torch.full((int(self.lengths[number]),), number + 1), 0).window(start, stop)

        def batch(self, numbers):
            at_once.append(numbers.tolist())
            return collate([self.window(n, 0, int(self.lengths[n])) for n in numbers.tolist()])

    examples = Counted()
    Planned(examples, refilled().plan(examples.lengths, train=True))(0)
    assert at_once == []
    plan = Batching(batch_size=3).plan(examples.lengths, train=False)
    assert Planned(examples, plan)(0).x.tolist() == [[5, 0, 0], [2, 2, 0], [3, 3, 3]]
    share = Planned(examples, plan, process=(0, 2))(0)
    assert share.x.tolist() == [[5, 0, 0], [3, 3, 3]]
    assert Planned(examples, plan, process=(1, 2))(0).x.tolist() == [
        [2, 2, 0]
    ]  # as long as all processes' rows
    assert Planned(examples, plan, process=(2, 3))(1).lengths.tolist() == [0]  # it holds no row of this batch
    assert at_once == [[4, 1, 2], [4, 2], [1]]


def test_many_to_one_batch_by_hand():
    x = torch.tensor([[7, 8, 9], [7, 0, 0]])
    batch = many_to_one_batch(x, torch.tensor([3, 4]), torch.tensor([3, 1]))
    assert batch.y.tolist() == [[3, 3, 3], [4, 0, 0]]
    assert batch.scored.tolist() == [[False, False, True], [True, False, False]]
    assert equal(batch, collate([many_to_one(x[0], 3), many_to_one(x[1, :1], 4)]))


def test_padded_by_hand():
    leaves = [torch.tensor([[1, 2]]), torch.tensor([[3], [4]])]
    assert padded(leaves).tolist() == [[[1, 2], [0, 0]], [[3, 0], [4, 0]]]
    assert padded([torch.tensor(5.0), torch.tensor(6.0)]).tolist() == [5.0, 6.0]


def test_all_of_an_example_is_itself():
    example = many_to_one(torch.zeros(4, 1), 2)
    assert example.window(0, 4) is example
    assert example.window(0, 3).steps == 3
