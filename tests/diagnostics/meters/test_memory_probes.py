"""What linear networks remember of independent inputs is known in closed form."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from meter_toys import SIGNS, all_signs, data_of, linear_task, noise, orthogonal, shift
from task_toys import make_task
from torch import Tensor

from elman.cores import LSTM
from elman.diagnostics.look import Look, carries_of
from elman.diagnostics.meters import MemoryProbes
from elman.diagnostics.meters.memory_probes import recalled
from elman.diagnostics.meters.probes import RIDGE
from elman.errors import BadInput
from elman.pictures.plot import Line


@torch.no_grad()
def scores_of(task, data, *, lags: int) -> Tensor:
    look = Look(task, data)
    stretch = look.stretch(SIGNS, rows=256)
    carries, _ = carries_of(look, stretch)
    return recalled(look, stretch, carries[1:], lags=lags)[0][-1][2]


def test_a_shift_register_holds_as_many_inputs_as_it_has_units() -> None:
    """R^2 is 1 up to H - 1 steps back and 0 beyond."""
    reading = MemoryProbes(steps=SIGNS, lags=7, rows=256).reading(
        linear_task(shift(4), input_size=1), data_of(all_signs())
    )
    assert reading.facts["scores"] == pytest.approx([1, 1, 1, 1, 0, 0, 0, 0], abs=1e-10)
    assert reading.metrics["capacity"] == pytest.approx(4, abs=1e-10)
    assert reading.metrics["reach_steps"] == 3
    assert reading.metrics["floor"] < 0.5
    assert "up to 3 steps back; the carry holds 4 values in all" in reading.sentence


def test_scores_are_those_of_the_covariance() -> None:
    """With b_k = W^k u and C = sum b_k b_k', R^2_k = 2 b'Ab - b'ACAb, A = (C + r v I)^-1."""
    torch.manual_seed(3)
    w = 0.5 * torch.randn(4, 4, dtype=torch.float64)
    reach = torch.stack([torch.linalg.matrix_power(w, k)[:, 0] for k in range(SIGNS)])  # (K, H)
    covariance = reach.t() @ reach
    inverse = torch.linalg.inv(covariance + RIDGE * covariance.diagonal().mean() * torch.eye(4))
    read = reach @ inverse
    want = 2 * (read * reach).sum(1) - (read @ covariance * read).sum(1)
    found = scores_of(linear_task(w, input_size=1), data_of(all_signs()), lags=7)
    torch.testing.assert_close(found[:, 0], want, rtol=1e-10, atol=1e-10)
    rank = torch.linalg.matrix_rank(reach)
    assert float(found.sum()) == pytest.approx(int(rank), abs=1e-3)  # but for the ridge


def test_capacity_is_the_rank_of_what_inputs_reach() -> None:
    """Units 3 and 4 are reached by no input: two units hold two inputs."""
    w = torch.block_diag(0.9 * orthogonal(2), orthogonal(2))
    found = scores_of(linear_task(w, input_size=1), data_of(all_signs()), lags=7)
    assert float(found.sum()) == pytest.approx(2, abs=1e-5)


def test_ids_are_read_through_an_embedding() -> None:
    """Two ids in an embedding of three: the one that is read is right for as long as the register is."""
    task = linear_task(shift(4), input_size=2, token_ids=True, embedding=3)
    task.network.core.read.data[1:] = 0  # of the three values, the first goes in
    reading = MemoryProbes(steps=SIGNS, lags=7, rows=256).reading(task, data_of(all_signs(ids=True)))
    assert reading.facts["scores"][:4] == pytest.approx([1, 1, 1, 1], abs=1e-12)
    assert max(reading.facts["scores"][4:]) <= 0.01
    assert "4 ids in all" in reading.sentence


def test_layers_have_a_line_each_and_parts_a_panel() -> None:
    task = make_task(core=partial(LSTM, hidden_size=3, layers=2))
    reading = MemoryProbes(steps=12, rows=8).reading(task, data_of(noise(24, 12)))
    names = {
        panel.title: [mark.name for mark in panel.marks if isinstance(mark, Line)]
        for panel in reading.plot.panels
    }
    assert names == {
        "from h": ["layer 1", "layer 2"],
        "from h and c": ["layer 1", "layer 2", "all layers"],
    }


def test_too_few_sequences_are_refused_with_how_many_are_needed() -> None:
    """2 x 2 x (8 + 1) carries, 5 of each sequence of 9 steps: 8 of them."""
    meter, task = MemoryProbes(steps=9, rows=4), make_task()
    assert meter.reading(task, data_of(noise(8, 9))).metrics
    with pytest.raises(BadInput, match="needs 8 of 9 steps; validation has 7"):
        meter.reading(task, data_of(noise(7, 9)))
    still = noise(16, 9)
    data = data_of(still._replace(x=torch.ones_like(still.x)))
    with pytest.raises(BadInput, match="do not vary"):
        meter.reading(task, data)
    task.network.core.stack.weights_of(0)["bias_ih"].data.fill_(torch.nan)
    with pytest.raises(BadInput, match="not finite"):
        meter.reading(task, data)
