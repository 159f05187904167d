"""Gradients of linear networks fade as the powers of their matrix."""

from __future__ import annotations

from math import inf, log

import pytest
import torch
from meter_toys import data_of, linear_task, noise, orthogonal

from elman.bptt import Truncated
from elman.diagnostics.look import Look
from elman.diagnostics.meters import GradientByLag
from elman.diagnostics.meters.gradient_by_lag import gradient_norms
from elman.pictures.plot import Rule


def test_norms_are_those_of_powers() -> None:
    """dL_t/dh_{t-k} = W'^k V' e_t, of one row's own loss."""
    torch.manual_seed(3)
    w = 0.4 * torch.randn(4, 4, dtype=torch.float64)
    task, data = linear_task(w), data_of(noise(3, 12))
    look = Look(task, data)
    norms = gradient_norms(look, steps=12, rows=3, losses=1)
    assert norms.shape == (3, 12, 1, 1)  # the last loss reaches the carry before step 0
    stretch = look.stretch(12, rows=3)
    out, _ = look.network.core(stretch.batch.x, stretch.carry)
    readout = look.network.readout
    error = 2 / 5 * (readout(out[:, -1]) - stretch.batch.y[:, -1])  # of a mean over 5 values
    back = error @ readout.weight
    for lag in range(1, 13):
        back = back @ w
        torch.testing.assert_close(norms[:, lag - 1, 0, 0], back.norm(dim=1), rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize(("scale", "reach"), [(0.8, 21), (1.0, 31), (1.2, 31)])
def test_half_life(scale: float, reach: int) -> None:
    """An orthogonal matrix times 0.8, 1, 1.2: the norm falls, stays, grows by that factor a step."""
    task = linear_task(scale * orthogonal(4), bptt=Truncated(k1=5, k2=10))
    reading = GradientByLag(steps=40, rows=4, losses=2).reading(task, data_of(noise(4, 40)))
    found = reading.metrics.get("half_life_steps", inf)
    if scale < 1:
        assert found == pytest.approx(log(0.5) / log(scale), rel=1e-9)
        assert reading.metrics["decay_per_step"] == pytest.approx(scale, rel=1e-9)
    else:
        assert found > 1e9  # flat but for rounding
        assert "do not fade over 31 steps" in reading.sentence
    assert reading.metrics["reach_steps"] == reach  # 0.8^20 is above a hundredth, from lag 1 on
    rules = [mark.text for mark in reading.plot.panels[0].marks if isinstance(mark, Rule)]
    assert rules == ["k1 = 5", "k2 = 10"]
