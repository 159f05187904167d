"""Packed rows: full, every sequence where its names and beginnings say it is."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from datamodules.collecting.batching import Batching, Planned
from datamodules.collecting.examples import Example, collate
from datamodules.collecting.packed import Packed, best_fit, in_rows
from datamodules.collecting.plans import longest, steps_of
from elman.batch import SequenceBatch
from elman.errors import BadInput

LENGTHS = np.random.default_rng(0).integers(1, 40, 300)


def used(batches) -> float:
    """Share of the steps of these batches, rows times the longest, that exist."""
    return sum(steps_of(row) for rows in batches for row in rows) / sum(
        len(rows) * longest(rows) for rows in batches
    )


@pytest.mark.parametrize("rows", [4, 32])
@pytest.mark.parametrize("steps", [None, 400])
@pytest.mark.parametrize(
    "lengths",
    [
        np.random.default_rng(1).integers(5, 101, 3000),
        np.minimum(np.random.default_rng(1).geometric(1 / 25, 3000) + 4, 100),
        np.random.default_rng(1).integers(60, 101, 3000),  # no two fit into a row of 100
        np.random.default_rng(1).integers(1, 4, 20_000),
        np.array([1, 100] * 2000),
    ],
    ids=["uniform", "geometric", "long", "tiny", "two kinds"],
)
@pytest.mark.parametrize("seed", [None, 3])
def test_packed_rows_are_full(lengths: np.ndarray, steps: int | None, rows: int, seed: int | None) -> None:
    batching = Batching(batch_size=rows, steps=steps, packed=True, seed=seed or 0)
    batches = batching.plan(lengths, train=seed is not None).batches_of_epoch(0)
    assert used(batches) > 0.95
    assert max(map(longest, batches)) <= (steps or int(lengths.max()))
    assert all(len(each) == rows for each in batches[:-1]) or seed is not None
    assert sum(len(each) < rows for each in batches) <= 1


def test_best_fit_by_hand() -> None:
    """5 opens a row of 7, 4 a second; 3 fits into the second alone, 2 fills the first, 1 opens a third."""
    assert best_fit(np.array([3, 1, 5, 2, 4]), 7) == [[2, 3], [4, 0], [1]]
    assert best_fit(np.array([7]), 7) == [[0]]
    assert best_fit(np.array([], dtype=int), 7) == []


def test_many_short_sequences_are_planned_once_an_epoch_and_fast() -> None:
    """100,000 in about half a second; twenty times that would be one too slow to begin every epoch with."""
    lengths = np.random.default_rng(1).integers(5, 101, 100_000)
    began = time.perf_counter()
    made = Packed(lengths, rows=32, steps=100, seed=1)
    assert time.perf_counter() - began < 10
    assert made.at(5)[0] is made.at(5)[0]


def test_the_order_in_a_row_is_drawn_too() -> None:
    """Packing puts the longest first; in training it stands first in a share of the rows alone."""
    rows = [
        row
        for rows in Packed(LENGTHS, rows=3, steps=150, seed=4).batches_of_epoch(0)
        for row in rows
        if len(row) > 3
    ]
    first = sum(row[0].stop == max(slot.stop for slot in row) for row in rows)
    assert 0 < first < len(rows) / 2
    in_order = [
        row for rows in Packed(LENGTHS, rows=3, steps=150, seed=None).batches_of_epoch(0) for row in rows
    ]
    assert all(list(row) == sorted(row) for row in in_order)


class Scaled:
    """Values, some of which are scored, and a scale for every example."""

    def __init__(self, lengths: np.ndarray) -> None:
        self.lengths, draw = lengths, np.random.default_rng(7)
        self.values = [torch.from_numpy(draw.normal(size=(int(n), 3))) for n in lengths]

    def window(self, number: int, start: int, stop: int) -> Example:
        x = self.values[number]
        scored, scale = x[:, 0] > -0.5, torch.tensor([number + 1.0, 0.5])
        return Example(x, x[:, :2] * 2, scored, scale=scale).window(start, stop)


class AtOnce(Scaled):
    """The same many at once, with NaN for padding."""

    def batch(self, numbers: np.ndarray) -> SequenceBatch:
        made = collate([self.window(int(n), 0, int(self.lengths[n])) for n in numbers])
        beyond = (torch.arange(made.steps) >= made.lengths[:, None])[:, :, None]
        return made._replace(x=made.x.masked_fill(beyond, torch.nan), y=made.y.masked_fill(beyond, torch.nan))


@pytest.mark.parametrize("kind", [Scaled, AtOnce])
def test_examples_in_rows_by_hand(kind: type[Scaled]) -> None:
    """Rows of 7 steps: examples of 3, 1 and 2 steps, one of 5, none; each has its scale at all its steps."""
    examples = kind(np.array([3, 5, 1, 2]))
    batch = in_rows(examples, [[0, 2, 3], [1], []], steps=7)
    values = examples.values
    nothing = torch.zeros(1, 3, dtype=torch.float64)
    x = torch.stack(
        [
            torch.cat([values[0], values[2], values[3], nothing]),
            torch.cat([values[1], nothing, nothing]),
            nothing.expand(7, 3),
        ]
    )
    assert torch.equal(batch.x, x)
    assert torch.equal(batch.y, 2 * x[:, :, :2])
    assert torch.equal(batch.scored, (x[:, :, 0] > -0.5) & (x[:, :, 0] != 0))
    assert batch.lengths.tolist() == [6, 5, 0]
    assert [row.nonzero().flatten().tolist() for row in batch.begins] == [[0, 3, 4], [0], [0]]
    assert batch.scale[:, :, 0].tolist() == [[1, 1, 1, 3, 4, 4, 0], [2] * 5 + [0] * 2, [0] * 7]
    assert batch.is_last


@pytest.mark.parametrize("kind", [Scaled, AtOnce])
@pytest.mark.parametrize("world", [1, 2, 9])
def test_packed_rows_hold_their_examples(kind: type[Scaled], world: int) -> None:
    """Of a part of all examples, whose numbers are not those of the plan."""
    examples, chosen = kind(LENGTHS), np.arange(len(LENGTHS))[::-2]
    plan = Batching(batch_size=7, steps=60, packed=True).plan(LENGTHS[chosen], train=True)
    for index in (0, 1, plan.batches - 1, plan.batches):
        for rank in range(world):
            planned = Planned(examples, plan, chosen=chosen, process=(rank, world))
            batch, numbers = planned(index), planned.numbers(index)
            for row, own in enumerate(numbers):
                starts = batch.begins[row].nonzero().flatten().tolist()
                assert len(starts) == max(1, len(own))
                for number, start in zip(own, starts, strict=False):
                    stop = start + int(LENGTHS[number])
                    assert torch.equal(batch.x[row, start:stop], examples.values[number])
                    assert batch.number_in_row(row, stop - 1) == own.index(number)
                assert int(batch.lengths[row]) == int(LENGTHS[own].sum())
            assert not batch.x[torch.arange(batch.steps) >= batch.lengths[:, None]].any()


def test_little_is_padded_on_the_way_to_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """One long example among many short ones: those that come padded come in groups of like length."""
    examples = AtOnce(np.array([1000, *[3] * 300, *[10] * 20]))
    held: list[int] = []
    made = AtOnce.batch
    monkeypatch.setattr(
        AtOnce, "batch", lambda self, n: held.append((b := made(self, n)).x[..., 0].numel()) or b
    )
    in_rows(examples, [[0], list(range(1, 321))], steps=1100)
    assert len(held) == 3
    assert sum(held) <= 2 * int(examples.lengths.sum())
    held.clear()
    in_rows(examples, [range(1, 200), range(200, 321)], steps=1100)
    assert len(held) == 1


def test_what_cannot_be_packed() -> None:
    def refuse(longest: int, context: int | None, **options) -> None:
        Batching(**options).refuse_unpackable(longest=longest, name="a.npy", context_size=context)

    for options in ({"steps": 9}, {"packed": True}, {"steps": 10, "packed": True}):
        refuse(10, None, **options)
    refuse(10, 4, steps=9)
    with pytest.raises(
        BadInput, match=r"steps=9: .* but a.npy has 10 steps; set data.batching.steps=10 or more"
    ):
        refuse(10, None, steps=9, packed=True)
    with pytest.raises(BadInput, match=r"packed=true .* a row has one context"):
        refuse(10, 4, packed=True)
