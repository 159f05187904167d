"""Gates that are set by hand, and units that are."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from meter_toys import data_of, noise
from task_toys import make_task

from elman.bptt import Full
from elman.cores import GRU, LSTM, Elman
from elman.diagnostics.look import Look, carries_of
from elman.diagnostics.meters import Saturation
from elman.diagnostics.meters.saturation import gates_of


def looked(core, **options) -> Look:
    return Look(make_task(core=partial(core, hidden_size=3, **options), bptt=Full()), data_of(noise(4, 12)))


def test_gates_are_those_of_the_equations() -> None:
    """c_t = f c_{t-1} + i g and h_t = o tanh(c_t), from the carries of two layers with a residual sum."""
    look = looked(LSTM, layers=2, residual=True)
    stretch = look.stretch(12, rows=4)
    with torch.no_grad():
        carries, _ = carries_of(look, stretch)
        gates = gates_of(look.network.core, stretch, carries)
    h = torch.stack([carry[0] for carry in carries[1:]], 1).flatten(0, 1)
    c = torch.stack([carry[1] for carry in carries[1:]], 1).flatten(0, 1)
    before = torch.stack([carry[1] for carry in carries[:-1]], 1).flatten(0, 1)
    torch.testing.assert_close(gates["output"] * c.tanh(), h, rtol=1e-10, atol=1e-12)
    candidate = (c - gates["forget"] * before) / gates["input"]
    assert float(candidate.abs().max()) <= 1 + 1e-9


def test_of_a_gru() -> None:
    """h_t = (1 - z) n + z h_{t-1}, |n| <= 1."""
    look = looked(GRU)
    stretch = look.stretch(12, rows=4)
    with torch.no_grad():
        carries, _ = carries_of(look, stretch)
        z = gates_of(look.network.core, stretch, carries)["update"]
    h = torch.stack([carry[0] for carry in carries[1:]], 1).flatten(0, 1)
    before = torch.stack([carry[0] for carry in carries[:-1]], 1).flatten(0, 1)
    assert float(((h - z * before) / (1 - z)).abs().max()) <= 1 + 1e-9


def test_a_timescale_is_that_of_the_mean_gate() -> None:
    """Forget gates of 0.9 whatever is read: 10 steps."""
    task = make_task(core=partial(LSTM, hidden_size=3), bptt=Full())
    weights = task.network.core.stack.weights_of(0)
    with torch.no_grad():
        for name in ("weight_ih", "weight_hh"):
            weights[name][3:6] = 0
        weights["bias_ih"][3:6] = torch.logit(torch.tensor(0.9))
        weights["bias_hh"][3:6] = 0
    reading = Saturation(steps=12).reading(task, data_of(noise(4, 12)))
    assert reading.metrics["keeps_steps"] == pytest.approx(10, rel=1e-5)
    assert "forget gates keep for 10 steps" in reading.sentence


def test_stuck_units_are_counted() -> None:
    """One unit is driven to 1 for ever, one never moves, one follows its input."""
    task = make_task(core=partial(Elman, hidden_size=3), bptt=Full())
    weights = task.network.core.stack.weights_of(0)
    with torch.no_grad():
        for weight in weights.values():
            weight.zero_()
        weights["bias_ih"][0] = 9.0
        weights["weight_ih"][2] = 1.0
    reading = Saturation(steps=12).reading(task, data_of(noise(4, 12)))
    assert reading.metrics["saturated_share"] == pytest.approx(1 / 3)
    assert reading.metrics["dead_share"] == pytest.approx(2 / 3)  # what stands at 1 does not move either
    assert reading.sentence == "Of 3 units 1 are saturated, 2 dead."
