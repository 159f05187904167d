"""The bias of a truncation is what pair gradients leave out."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from meter_toys import data_of, linear_task, noise, orthogonal
from oracle import SquaredError as Objective
from oracle import pair_gradients
from task_toys import make_task

from elman.bptt import RTRL, UORO, Full, Randomised, Split, Truncated
from elman.cores import GRU, Elman
from elman.diagnostics.look import Look
from elman.diagnostics.meters import TruncationBias
from elman.diagnostics.meters.truncation_bias import gradients_by_length, spaced, strategy_bias

STEPS = 9


def looked(bptt, core=Elman) -> Look:
    task = make_task(core=partial(core, hidden_size=4), bptt=bptt)
    return Look(task, data_of(noise(3, STEPS)))


def pairs(look: Look) -> torch.Tensor:
    """g[t, s] by the core's weights, of the network that is looked at."""
    stretch = look.stretch(STEPS, rows=3)
    net = Objective(look.network.core, outputs=5)
    net.readout.load_state_dict(look.network.readout.state_dict())
    found = pair_gradients(net, stretch.batch.restarted()) / 5  # there the values of a step add up
    names = [name for name, _ in net.named_parameters()]
    sizes = [p.numel() for _, p in net.named_parameters()]
    chosen = torch.cat(
        [torch.full((n,), name.startswith("core")) for name, n in zip(names, sizes, strict=True)]
    )
    return found[:, :, chosen]


def test_a_window_of_k_steps_keeps_k_pairs_of_a_loss() -> None:
    look = looked(Full(), GRU)
    g = pairs(look)
    lengths, gradients = gradients_by_length(look, look.stretch(STEPS, rows=3), losses=1)
    assert lengths == [1, 2, 3, 4, 7, 9]
    for length, gradient in zip(lengths, gradients, strict=True):
        torch.testing.assert_close(gradient, g[-1, STEPS - length :].sum(0), rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize(
    "bptt", [Truncated(k1=2, k2=4), Split(k=3), RTRL(), Full()], ids=lambda bptt: type(bptt).__name__
)
def test_bias_of_a_strategy_is_the_credit_it_leaves_out(bptt) -> None:
    look = looked(bptt)
    if bptt.restarts:  # whose network forgets: no sum of pairs of the one that remembers
        assert strategy_bias(look, look.stretch(STEPS, rows=3)).relative > 0.05
        return
    g = pairs(look)
    whole = g.sum((0, 1))
    own = (bptt.credit_matrix(STEPS).double()[:, :, None] * g).sum((0, 1))
    found = strategy_bias(look, look.stretch(STEPS, rows=3))
    assert found.relative == pytest.approx(float((own - whole).norm() / whole.norm()), rel=1e-9, abs=1e-12)
    assert found.cosine == pytest.approx(float(own @ whole / (own.norm() * whole.norm())), rel=1e-9)


@pytest.mark.parametrize("bptt", [Randomised(k=1, length=3, alpha=3), UORO()], ids=["Randomised", "UORO"])
def test_of_a_strategy_that_draws_the_mean(bptt) -> None:
    """Of 16 draws some noise is left; the strategy in training draws on where it was."""
    look = looked(bptt)
    assert strategy_bias(look, look.stretch(STEPS, rows=3)).cosine > 0.7


def test_the_reading() -> None:
    """An orthogonal matrix: nothing fades, so that only the whole stretch leaves out less than a tenth."""
    reading = TruncationBias(steps=20, rows=3, losses=1).reading(
        linear_task(orthogonal(4), bptt=Truncated(k1=5, k2=5)), data_of(noise(3, 20))
    )
    assert reading.metrics["steps_for_a_tenth"] == 20
    assert "reference: 20 steps" in reading.sentence
    assert [panel.title for panel in reading.plot.panels] == [
        "relative error",
        "cosine with the whole gradient",
    ]


def test_lengths_are_spaced_evenly_in_the_logarithm() -> None:
    assert spaced(1) == [1]
    assert spaced(100) == [1, 2, 3, 4, 7, 10, 15, 23, 34, 51, 77, 100]
