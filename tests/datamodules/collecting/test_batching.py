"""Plans: every step once, the same for all processes, and little padding."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from datamodules.collecting.batching import Batching, Planned
from datamodules.collecting.examples import Example, many_to_one
from datamodules.collecting.packed import Packed
from datamodules.collecting.plans import Bucketed, Refilled, Slot, longest, steps_of

LENGTHS = np.random.default_rng(0).integers(1, 40, 300)
PLANS = {
    "bucketed": lambda seed: Bucketed(LENGTHS, rows=7, max_steps=None, seed=seed),
    "max_steps": lambda seed: Bucketed(LENGTHS, rows=7, max_steps=90, seed=seed),
    "refilled": lambda seed: Refilled(LENGTHS, rows=7, steps=8, seed=seed),
    "refilled_whole": lambda seed: Refilled(LENGTHS, rows=7, steps=64, seed=seed),
    "packed": lambda seed: Packed(LENGTHS, rows=7, steps=39, seed=seed),
    "packed_long": lambda seed: Packed(LENGTHS, rows=3, steps=150, seed=seed),
}
every_plan = pytest.mark.parametrize("plan", PLANS)


def waste(batches):
    """Share of the steps of these batches, rows times the longest, that are padding."""
    held = sum(len(rows) * longest(rows) for rows in batches)
    exist = sum(steps_of(row) for rows in batches for row in rows)
    return 1 - exist / held if held else 0.0


class Zeros:
    """Examples of these lengths, all zero, in which the last step is scored."""

    def __init__(self, lengths: np.ndarray) -> None:
        self.lengths = lengths

    def window(self, number: int, start: int, stop: int) -> Example:
        return many_to_one(torch.zeros(int(self.lengths[number]), 1), number).window(start, stop)


@every_plan
@pytest.mark.parametrize("seed", [None, 4])
@pytest.mark.parametrize("number", [0, 1])
def test_every_step_once_and_in_order(plan: str, seed: int | None, number: int) -> None:
    read = np.zeros(len(LENGTHS), dtype=int)
    before: list = []
    for rows in PLANS[plan](seed).batches_of_epoch(number):
        filled = [slot.number for row in rows for slot in row]
        assert len(set(filled)) == len(filled) > 0
        for place, row in enumerate(rows):
            for slot in row:
                assert slot.start == read[slot.number] < slot.stop
                if slot.start:  # it goes on in its row
                    assert slot is row[0]
                    assert (before[place][-1].number, before[place][-1].stop) == (slot.number, slot.start)
                read[slot.number] = slot.stop
        before = list(rows)
    assert np.array_equal(read, LENGTHS)


@every_plan
def test_passes_follow_one_another_and_differ(plan: str) -> None:
    made = PLANS[plan](4)
    again, starts = PLANS[plan](4), 0
    for number in range(3):
        batches = made.batches_of_epoch(number)
        for place in (0, len(batches) - 1):
            assert again.at(starts + place)[0] == batches[place]
        starts += len(batches)
    assert made.batches_of_epoch(0) != made.batches_of_epoch(1)
    assert PLANS[plan](5).batches_of_epoch(0) != made.batches_of_epoch(0)
    assert PLANS[plan](None).batches_of_epoch(0) == PLANS[plan](None).batches_of_epoch(1)


@every_plan
def test_batches_go_on_as_long_as_a_row_does(plan: str) -> None:
    """`is_last` where every row ends, which a batch shorter than `steps` shows; all rows begin after it."""
    made = PLANS[plan](4)
    ended = True
    for index in range(2 * made.batches):
        rows, first, last = made.at(index)
        assert first == ended == all(slot.start == 0 for row in rows for slot in row)
        following = made.at(index + 1)[0]
        assert last == all(slot.start == 0 for row in following for slot in row)
        if isinstance(made, Refilled) and not last:
            assert longest(rows) == made.steps
        ended = last
    assert plan == "refilled" or all(made.at(index)[2] for index in range(made.batches))


@every_plan
@pytest.mark.parametrize("world", [2, 3, 9])
def test_processes_share_the_rows_of_one_batch(plan: str, world: int) -> None:
    examples = Zeros(LENGTHS)
    one = Planned(examples, PLANS[plan](4))
    each = [Planned(examples, PLANS[plan](4), process=(rank, world)) for rank in range(world)]
    for index in (0, 1, 2, one.plan.batches - 1, one.plan.batches):
        whole, shares = one(index), [planned(index) for planned in each]
        names = [planned.numbers(index) for planned in each]
        shared = [n for rows in names for row in rows for n in row]
        assert sorted(shared) == sorted(n for row in one.numbers(index) for n in row)
        for share in shares:
            assert (share.steps, share.is_last) == (whole.steps, whole.is_last)
            assert len(share.x) == len(share.lengths) == len(share.begins) >= 1
            assert bool(share.is_first.all()) or not whole.is_first.all()
            assert not share.scored[torch.arange(share.steps) >= share.lengths[:, None]].any()
        assert sum(int(share.lengths.sum()) for share in shares) == int(whole.lengths.sum())
        assert sum(int(share.scored.sum()) for share in shares) == int(whole.scored.sum())
        assert sum(int(share.begins[:, 1:].sum()) for share in shares) == int(whole.begins[:, 1:].sum())


def test_max_steps_holds_but_for_one_example() -> None:
    for limit in (1, 30, 90, 280):
        plan = Bucketed(LENGTHS, rows=7, max_steps=limit, seed=4)
        sizes = [(len(rows), longest(rows)) for rows in plan.batches_of_epoch(0)]
        assert all(rows * steps <= limit or rows == 1 for rows, steps in sizes)
        assert max(rows for rows, _ in sizes) == min(7, limit)


def test_waste_by_hand() -> None:
    batches = [[(Slot(0, 0, 4),), (Slot(1, 0, 1),), ()], [(Slot(0, 4, 6),), (), (Slot(2, 0, 2),)]]
    assert waste(batches) == pytest.approx(1 - 9 / 18)
    assert waste([[(Slot(0, 0, 4), Slot(1, 0, 1)), (Slot(2, 0, 3),)]]) == pytest.approx(1 - 8 / 10)
    assert waste([]) == 0


def test_batches_of_like_length_waste_little() -> None:
    lengths = np.random.default_rng(1).integers(1, 60, 4000)
    order = np.random.default_rng(2).permutation(4000)
    as_they_come = [[(Slot(n, 0, int(lengths[n])),) for n in order[i : i + 32]] for i in range(0, 4000, 32)]
    shares = {
        "unsorted": waste(as_they_come),
        "bucketed": waste(Bucketed(lengths, rows=32, max_steps=None, seed=1).batches_of_epoch(0)),
        "in order": waste(Bucketed(lengths, rows=32, max_steps=None, seed=None).batches_of_epoch(0)),
        "refilled": waste(Refilled(lengths, rows=32, steps=8, seed=1).batches_of_epoch(0)),
    }
    assert shares["unsorted"] > 0.4
    assert shares["bucketed"] < 0.03
    assert shares["in order"] < 0.02
    assert shares["refilled"] < 0.15  # half a window where a sequence ends


def test_a_plan_of_few_long_examples() -> None:
    plan = Refilled(np.array([1000, 3]), rows=4, steps=100, seed=1)
    assert plan.batches == 10
    assert all(len(slots) == 4 for slots in plan.batches_of_epoch(0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1, got 0"),
        ({"steps": 0}, "steps must be a whole number of at least 1, got 0"),
        ({"max_steps": 0}, "max_steps must be"),
        ({"val_batch_size": 0}, "val_batch_size must be"),
        ({"workers": -1}, "workers must be"),
        ({"seed": -1}, "seed must be"),
        ({"steps": 3, "max_steps": 3}, "leave one out"),
        ({"packed": True, "max_steps": 3}, "nothing is left for max_steps=3 to bound; leave it out"),
    ],
    ids=str,
)
def test_values_out_of_range(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Batching(**options)


def test_only_training_shuffles() -> None:
    batching = Batching(batch_size=4, val_batch_size=9)
    assert batching.plan(LENGTHS, train=True).batches_of_epoch(0) != batching.plan(
        LENGTHS, train=True
    ).batches_of_epoch(1)
    val = batching.plan(LENGTHS, train=False).batches_of_epoch(0)
    assert max(len(slots) for slots in val) == 9
    assert val == batching.plan(LENGTHS, train=False).batches_of_epoch(1)
