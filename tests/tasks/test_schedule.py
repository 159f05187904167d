"""The learning rate of every update, by progress in time steps."""

from __future__ import annotations

from functools import partial
from math import cos, pi

import pytest
import torch
from task_toys import ROWS, fit, make_task, stream, truncated

from elman.bptt import Full
from elman.errors import BadInput
from elman.tasks import Constant, Cosine, InverseSquareRoot, Schedule


class Rates(torch.optim.SGD):
    """Remembers the rate of every step."""

    def __init__(self, parameters) -> None:
        super().__init__(parameters, lr=0.5)
        self.rates: list[float] = []

    def step(self, closure=None):
        self.rates.append(self.param_groups[0]["lr"])
        return super().step(closure)


def rates(task, batches) -> list[float]:
    task.optimizer_factory = Rates
    return fit(task, batches).optimizers[0].rates


def test_constant_with_warm_up() -> None:
    found = rates(make_task(bptt=truncated(2), schedule=Constant(warmup=3)), stream(6, 6))
    assert found == pytest.approx([0.125, 0.25, 0.375, 0.5, 0.5, 0.5])


def test_inverse_square_root() -> None:
    found = rates(make_task(bptt=truncated(2), schedule=InverseSquareRoot(decay=0.5)), stream(6, 4))
    assert found == pytest.approx([0.5, 0.5 / 1.5, 0.5 / (1 + 0.5 * 2**0.5), 0.5 / (1 + 0.5 * 3**0.5), 0.25])
    with pytest.raises(ValueError, match="decay must not be negative, got decay=-1"):
        InverseSquareRoot(decay=-1)


def test_cosine_falls_by_the_time_steps_seen() -> None:
    """Batches of 6 and 4 steps in windows of 2, a budget of 10 a row: from 1 at the first update on."""
    task = make_task(bptt=truncated(2), schedule=Cosine(floor=0.2))
    task.max_time_steps = 10 * ROWS
    expected = [0.5 * (0.2 + 0.8 * (1 + cos(pi * n / 5)) / 2) for n in range(5)]
    assert rates(task, stream(6, 4)) == pytest.approx(expected)


def test_beyond_the_budget_the_floor_holds() -> None:
    task = make_task(bptt=Full(), schedule=Cosine(floor=0.2))
    task.max_time_steps = 5 * ROWS
    assert rates(task, stream(6, 6)) == pytest.approx([0.5, 0.1])


@pytest.mark.parametrize("accumulate", [1, "batch"])
def test_one_update_in_all_is_made_at_the_full_rate(accumulate) -> None:
    """A cosine that had reached its end before the only update would learn nothing."""
    task = make_task(
        bptt=Full() if accumulate == 1 else truncated(2), accumulate=accumulate, schedule=Cosine()
    )
    task.max_time_steps = 6 * ROWS
    assert rates(task, stream(6)) == [0.5]


def test_padding_is_not_seen() -> None:
    """Lengths 6, 2, 1 of 6: 9 time steps, a quarter of the budget of 36."""
    (batch,) = stream(6)
    lengths = torch.tensor([6, 2, 1])
    batch = batch._replace(lengths=lengths, scored=torch.arange(6) < lengths[:, None])
    task = make_task(bptt=Full(), schedule=Cosine())
    task.max_time_steps = 36
    assert rates(task, [batch, batch]) == pytest.approx([0.5, 0.25 * (1 + cos(pi / 4))])
    assert task.time_steps == 18


def test_the_rate_a_group_began_with_is_its_own() -> None:
    """Two groups fall side by side."""
    task = make_task(bptt=Full(), schedule=Constant(warmup=1))

    def two_groups(parameters):
        first, *rest = parameters
        return torch.optim.SGD([{"params": [first], "lr": 0.1}, {"params": rest}], lr=1.0)

    task.optimizer_factory = two_groups
    trainer = fit(task, stream(3))
    assert [g["lr"] for g in trainer.optimizers[0].param_groups] == pytest.approx([0.05, 0.5])


class Asked(Schedule):
    needs_budget = False

    def __init__(self) -> None:
        self.heard: list[tuple[float, int]] = []

    def factor(self, *, progress: float, updates: int) -> float:
        self.heard.append((progress, updates))
        return 1.0


def test_what_a_schedule_is_told() -> None:
    """Progress before the update; updates made, not those skipped."""
    schedule = Asked()
    (batch,) = stream(8)
    batch.x[0, 2] = float("nan")
    task = make_task(bptt=truncated(2), schedule=schedule)
    task.max_time_steps = 16 * ROWS
    fit(task, [batch])
    assert schedule.heard == [(0.0, 0), (0.25, 1), (0.375, 2)]


def test_cosine_without_a_budget_is_refused() -> None:
    with pytest.raises(BadInput, match="schedule=Cosine falls over a budget"):
        fit(make_task(bptt=Full(), schedule=Cosine()), stream(3))


@pytest.mark.parametrize(
    ("schedule", "told"),
    [
        (partial(Constant, warmup=-1), "warmup=-1"),
        (partial(Cosine, warmup=-2), "warmup=-2"),
        (partial(Cosine, floor=1.5), "floor=1.5"),
    ],
)
def test_impossible_values(schedule, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        schedule()


def test_lightning_counts_the_batches_that_made_an_update() -> None:
    """A small network feels what its hooks cost around every update."""
    assert fit(make_task(bptt=truncated(2)), [*stream(7), *stream(7)]).global_step == 2
