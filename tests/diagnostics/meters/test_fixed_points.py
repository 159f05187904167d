"""Fixed points that are known, found and told apart."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from meter_toys import data_of, linear_task, noise, orthogonal
from task_toys import make_task

from elman.bptt import Full
from elman.cores import GRU, LSTM, Elman
from elman.diagnostics.look import Look, carries_of
from elman.diagnostics.meters import FixedPoints
from elman.diagnostics.meters.fixed_points import as_carry, principal, speed
from elman.diagnostics.meters.jacobians import flat_state


def bistable(gain: float = 2.0):
    """h = tanh(gain h + x): with x = 0 it rests at 0, unstable, and at the two roots of h = tanh(gain h)."""
    task = make_task(core=partial(Elman, hidden_size=1), input_size=1, output_size=1, bptt=Full())
    weights = task.network.core.stack.weights_of(0)
    with torch.no_grad():
        weights["weight_hh"].fill_(gain)
        weights["weight_ih"].fill_(1.0)
        weights["bias_ih"].zero_()
        weights["bias_hh"].zero_()
    return task


def mean_free(rows: int, steps: int):
    batch = noise(rows, steps, inputs=1, outputs=1)
    return batch._replace(x=2 * (batch.x - batch.x.mean()))


def test_two_stable_ones_and_the_saddle_between() -> None:
    reading = FixedPoints(steps=20, rows=8).reading(bistable(), data_of(mean_free(8, 20)))
    root = torch.tensor(0.9, dtype=torch.float64)
    for _ in range(100):
        root = torch.tanh(2 * root)
    found = sorted(zip(reading.facts["points"][:, 0].tolist(), reading.facts["kinds"], strict=True))
    assert [kind for _, kind in found] == ["stable", "saddle", "stable"]
    assert [place for place, _ in found] == pytest.approx([-float(root), 0.0, float(root)], abs=1e-5)
    assert reading.metrics == {"stable_points": 2.0, "saddle_points": 1.0, "slow_points": 0.0}


def test_of_a_contraction_there_is_one() -> None:
    """h = 0.5 Q h + U x with mean x: h* = (I - 0.5 Q)^-1 U x."""
    task, batch = linear_task(0.5 * orthogonal(3)), noise(6, 20)
    reading = FixedPoints(steps=20, rows=6).reading(task, data_of(batch))
    x = batch.x.mean((0, 1))
    core = task.network.core
    want = torch.linalg.solve(torch.eye(3, dtype=torch.float64) - core.recurrent, core.read @ x)
    assert reading.facts["kinds"] == ["stable"]
    torch.testing.assert_close(reading.facts["points"][0], want.detach(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("core", [LSTM, GRU])
def test_flat_states_and_carries_are_the_same(core: type) -> None:
    task = make_task(core=partial(core, hidden_size=2, layers=2), bptt=Full())
    look = Look(task, data_of(noise(3, 10)))
    with torch.no_grad():
        carries, _ = carries_of(look, look.stretch(10, rows=3))
        carry = carries[5]
        for leaf, back in zip(carry, as_carry(flat_state(carry), carry), strict=True):
            assert torch.equal(leaf, back)
        _, after = look.network.core(torch.zeros(3, 1, 2, dtype=torch.float64), carry)
        want = (flat_state(after) - flat_state(carry)).square().sum(1) / 2
        q = speed(look.network.core, torch.zeros(2, dtype=torch.float64), flat_state(carry), carry)
    torch.testing.assert_close(q, want, rtol=1e-12, atol=0)


def test_principal_components_of_a_line() -> None:
    along = torch.linspace(-1, 1, 50, dtype=torch.float64)
    states = torch.stack([3 * along, 4 * along, 0 * along], 1) + 7
    centre, axes, shares = principal(states)
    torch.testing.assert_close(centre, torch.full((3,), 7.0, dtype=torch.float64))
    assert axes[:, 0].abs().tolist() == pytest.approx([0.6, 0.8, 0.0])
    assert shares == pytest.approx([1.0, 0.0])
    assert principal(states[:, :1])[1].shape == (1, 2)  # one unit has no second component
