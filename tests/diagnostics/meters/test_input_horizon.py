"""What a replaced input costs a linear network, and one that echoes."""

from __future__ import annotations

from math import exp, log1p

import pytest
import torch
from meter_toys import data_of, linear_task, noise
from torch import Tensor

from datamodules.synthetic import Echo
from elman.diagnostics.look import Look
from elman.diagnostics.meters import InputHorizon
from elman.diagnostics.meters.input_horizon import each, rises_by_lag
from elman.errors import BadInput
from elman.tasks import CrossEntropy


class RowByRow(CrossEntropy):
    """A loss of a user's own that looks at numbers, which vmap refuses."""

    def sums(self, out: Tensor, y: Tensor) -> tuple[Tensor, Tensor | None]:
        return super().sums(out.clamp(max=float(out.max())), y)


def test_rises_are_those_of_powers() -> None:
    """Of targets that the network gives, with M_k = V W^k U: 2 tr(M_k C M_k') / O, C that of inputs.

    Over all pairs of rows, C is the unbiased covariance of the sample. If all before is replaced too, it
    is that of the sum of what they add.
    """
    torch.manual_seed(3)
    w = 0.6 * torch.randn(4, 4, dtype=torch.float64)
    task, given = linear_task(w), noise(5, 12)
    with torch.no_grad():
        y, _ = task.network.predict(given.x, task.network.first_carry(5))
        core, v = task.network.core, task.network.readout.weight
        x = given.x
        parts = [v @ torch.linalg.matrix_power(w, k) @ core.read for k in range(12)]
    look = Look(task, data_of(given._replace(y=y)))
    rises, loss = rises_by_lag(look, steps=12, rows=5, losses=2, draws=4)
    assert rises.shape == (2, 5, 10)  # of the losses at steps 9 and 11
    assert loss == pytest.approx(0, abs=1e-20)
    for k in range(10):
        one = [2 * (x[:, t - k] @ parts[k].t()).var(0).sum() / 5 for t in (9, 11)]
        before = [
            2 * sum(x[:, t - n] @ parts[n].t() for n in range(k, t + 1)).var(0).sum() / 5 for t in (9, 11)
        ]
        want = torch.stack([sum(one) / 2, sum(before) / 2])
        torch.testing.assert_close(rises[:, :, k].mean(1), want, rtol=1e-10, atol=1e-14)


def test_of_an_echo_one_input_matters() -> None:
    """A register that says what was 3 steps ago, with 20 nats more for it than for the other bit."""
    register = torch.diag(torch.ones(3, dtype=torch.float64), -1)
    task = linear_task(register, input_size=2, outputs=2, token_ids=True)
    task.loss = CrossEntropy()
    network = task.network
    network.core.read.data[1] = 0  # the first unit takes whether the bit is 0
    network.readout.weight.data = torch.tensor([[0.0, 0, 0, 40], [0, 0, 0, 0]], dtype=torch.float64)
    network.readout.bias.data = torch.tensor([0.0, 20], dtype=torch.float64)
    batch = Echo(lag=3, steps=16, batch_size=6).batch("val", 0)
    reading = InputHorizon(steps=16, rows=6, losses=1, draws=5).reading(task, data_of(batch))
    bits = batch.x[:, 12]
    pairs = 2 * int(bits.sum()) * int((1 - bits).sum()) / 30  # share of them that differ
    assert 0 < pairs < 1
    rise = pairs * (log1p(exp(20)) - log1p(exp(-20)))
    want = [0.0] * 16
    want[3] = rise
    assert reading.facts["one"] == pytest.approx(want, abs=1e-12)
    assert reading.facts["all_before"] == pytest.approx([rise] * 4 + [0.0] * 12, abs=1e-12)
    assert reading.metrics["horizon_steps"] == reading.metrics["rise_of_one_at_steps"] == 3
    assert reading.sentence == (
        "Inputs more than 3 steps back bring less than 1 % of what all bring; "
        f"that 3 steps back matters most, by {rise:.3g} nats per step."
    )


def test_who_does_without_inputs_has_no_horizon_and_one_sequence_is_refused() -> None:
    task = linear_task(torch.zeros(4, 4, dtype=torch.float64))
    task.network.core.read.data.zero_()
    meter = InputHorizon(steps=9, rows=3)
    assert meter.reading(task, data_of(noise(3, 9))).metrics["horizon_steps"] == -1
    untrained = InputHorizon(steps=12).reading(linear_task(torch.eye(4).double()), data_of(noise(32, 12)))
    assert untrained.sentence == "No input that is another sequence's raises the loss beyond chance."
    with pytest.raises(BadInput, match="one sequence"):
        meter.reading(task, data_of(noise(1, 9)))


def test_a_loss_that_cannot_be_mapped_is_asked_row_by_row() -> None:
    out, y = noise(3, 1, inputs=4).x[:, 0], torch.tensor([3, 0, 1])
    found, want = (each(loss, out, y) for loss in (RowByRow(), CrossEntropy()))
    torch.testing.assert_close(found, want, rtol=1e-12, atol=0)
