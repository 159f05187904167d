"""Registers, leaky sums and gates of which it is known what they retain."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from meter_toys import all_signs, data_of, linear_task, noise, shift
from task_toys import make_task

from elman.cores import LSTM, Elman
from elman.diagnostics.look import Look, carries_of
from elman.diagnostics.meters import Overwriting
from elman.diagnostics.meters.overwriting import cell_path
from elman.diagnostics.meters.probes import RIDGE
from elman.errors import BadInput


def test_a_shift_register_drops_items_whatever_follows() -> None:
    """Two units: an item is there at its own step and the next."""
    meter = Overwriting(steps=8, lags=4, writes=4, rows=256)
    reading = meter.reading(linear_task(shift(2), input_size=1), data_of(all_signs()))
    assert reading.facts["items"] == pytest.approx([1, 1, 0, 0, 0], abs=1e-10)
    assert reading.facts["blank"] == pytest.approx([1, 1, 0, 0, 0], abs=1e-10)
    assert reading.metrics["overwriting"] == pytest.approx(0, abs=1e-10)
    assert reading.metrics["items_steps"] == reading.metrics["blank_steps"] == 1
    assert len(reading.plot.panels) == 1


def test_a_leaky_sum_is_overwritten_by_what_is_added() -> None:
    """h = w h + x, an item of step s = 3. Others: R^2_k = w^2k / sum w^2j, j <= s + k.

    Nothing: 1 / sum w^2j, j <= s, at all k, but for the ridge of the usual variance.
    """
    w = 0.6
    task = linear_task(torch.tensor([[w]], dtype=torch.float64), input_size=1)
    reading = Overwriting(steps=8, lags=4, writes=1, rows=256).reading(task, data_of(all_signs()))
    for k in range(5):
        usual, faded = (sum(w ** (2 * j) for j in range(n)) for n in (4 + k, 4))
        faded *= w ** (2 * k)
        for name, variance in (("items", usual), ("blank", faded)):
            shrunk = variance / (variance + RIDGE * usual)
            want = w ** (2 * k) / variance * (2 * shrunk - shrunk**2)
            assert reading.facts[name][k] == pytest.approx(want, abs=1e-10)
    assert reading.metrics["items_steps"] == 0
    assert reading.metrics["blank_steps"] == 4
    assert reading.metrics["overwriting_at_steps"] == 4


def test_a_gate_that_is_shut_retains_all() -> None:
    """An LSTM writes at the one step that is flagged, keeps with f = 1 and writes no more: i = 0."""
    task = make_task(core=partial(LSTM, hidden_size=1))
    weights = task.network.core.stack.weights_of(0)
    for weight in weights.values():
        weight.data.zero_()
    weights["weight_ih"].data[0, 1] = 2000.0  # i = sigmoid(2000 flag - 1000), g = tanh(value)
    weights["weight_ih"].data[2, 0] = 1.0
    weights["bias_ih"].data.copy_(torch.tensor([-1000.0, 1000, 0, 1000]))
    batch = all_signs()
    flag = torch.zeros_like(batch.x)
    flag[:, 2] = 1
    batch = batch._replace(x=torch.cat([batch.x, flag], 2))
    reading = Overwriting(steps=8, lags=5, writes=1, rows=256).reading(task, data_of(batch))
    assert reading.facts["items"] == pytest.approx([1] * 6, abs=1e-10)
    assert reading.facts["blank"] == pytest.approx([1] * 6, abs=1e-10)
    assert reading.metrics["overwriting"] == pytest.approx(0, abs=1e-10)
    assert reading.metrics["kept_share"] == 1
    assert reading.metrics["write_ratio"] == 1 / 8  # all at one step of eight
    shown = reading.plot.panels[-1].marks[0]
    assert shown.values == [[1.0] * 6]


@pytest.mark.parametrize("layers", [1, 2])
def test_the_product_of_gates_is_the_slope_of_the_cell_path(layers: int) -> None:
    """dc_t/dc_s with h left as it was, of one row and every unit, by autograd; i g is what is written."""
    task = make_task(core=partial(LSTM, hidden_size=3, layers=layers))
    look = Look(task, data_of(noise(1, 9)))
    stretch = look.stretch(9, rows=1)
    with torch.no_grad():
        carries, _ = carries_of(look, stretch)
        found = cell_path(look, stretch, carries, first=2, most=6)
    assert found is not None
    assert found.kept.shape == (7, layers, 3)
    below, ratios = stretch.batch.x, []
    for layer in range(layers):
        weights = look.network.core.stack.weights_of(layer)
        slopes = [torch.ones(3, dtype=torch.float64)]
        for step in range(9):
            if step <= 3:
                start = c = carries[step][1][:, layer].clone().requires_grad_()
            drive = below[:, step] @ weights["weight_ih"].t() + weights["bias_ih"] + weights["bias_hh"]
            joined = drive + carries[step][0][:, layer] @ weights["weight_hh"].t()
            i, f, g, _ = joined.detach().chunk(4, 1)
            kept, written = f.sigmoid() * c, i.sigmoid() * g.tanh()
            ratios.append(written.abs() / (kept.abs() + written.abs()))
            c = kept + written
            if step >= 3:
                slopes.append(torch.autograd.grad(c.sum(), start, retain_graph=True)[0][0])
        torch.testing.assert_close(found.kept[:, layer], torch.stack(slopes), rtol=1e-12, atol=0)
        below = torch.stack([carry[0][:, layer] for carry in carries[1:]], 1)
    assert found.write_ratio == pytest.approx(float(torch.stack(ratios).detach().mean()), rel=1e-12)


def test_too_few_sequences_are_refused_and_gates_are_not_needed() -> None:
    """2 x 2 x (4 + 1) carries of an Elman network, 4 of each sequence: 6 of them, an even number."""
    meter, task = Overwriting(steps=12, writes=4, rows=2), make_task(core=partial(Elman, hidden_size=4))
    assert "write_ratio" not in meter.reading(task, data_of(noise(6, 12))).metrics
    with pytest.raises(BadInput, match="needs 6 of 12 steps; validation has 5"):
        meter.reading(task, data_of(noise(5, 12)))
