"""Jacobians and exponents of networks of which they are known."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from meter_toys import data_of, linear_task, noise, orthogonal
from task_toys import make_task

from elman.bptt import Full
from elman.cores import GRU, LSTM, Elman
from elman.diagnostics.look import Look
from elman.diagnostics.meters import JacobianSpectrum, Lyapunov
from elman.diagnostics.meters.jacobian_spectrum import spectra
from elman.diagnostics.meters.jacobians import jacobian
from elman.diagnostics.meters.lyapunov import exponents
from elman.errors import BadInput


@pytest.mark.parametrize("core", [Elman, GRU, LSTM])
def test_a_jacobian_is_that_of_differences(core: type) -> None:
    torch.manual_seed(2)
    net = core(3, hidden_size=2, layers=2).double()
    x = torch.randn(3, dtype=torch.float64)
    carry = tuple(torch.randn_like(leaf) for leaf in net.initial_carry(1))
    found, _ = jacobian(net, x, carry)
    flat = torch.cat([leaf.flatten() for leaf in carry])

    def after(state: torch.Tensor) -> torch.Tensor:
        parts = state.split([leaf.numel() for leaf in carry])
        shaped = tuple(part.view_as(leaf) for part, leaf in zip(parts, carry, strict=True))
        return torch.cat([leaf.flatten() for leaf in net(x.view(1, 1, -1), shaped)[1]])

    step = 1e-6
    for column in range(len(flat)):
        change = torch.zeros_like(flat)
        change[column] = step
        difference = (after(flat + change) - after(flat - change)) / (2 * step)
        torch.testing.assert_close(found[:, column], difference, rtol=1e-7, atol=1e-9)


def test_of_a_linear_network_every_jacobian_is_its_matrix() -> None:
    torch.manual_seed(1)
    w = torch.randn(4, 4, dtype=torch.float64)
    values, stretches = spectra(Look(linear_task(w), data_of(noise(2, 10))), steps=10, rows=2, samples=3)
    assert len(values) == 6
    for found in values:
        want = torch.linalg.eigvals(w)
        torch.testing.assert_close(found.abs().sort().values, want.abs().sort().values, rtol=1e-10, atol=0)
    torch.testing.assert_close(stretches, torch.linalg.matrix_norm(w, 2).expand(6), rtol=1e-10, atol=0)


def test_exponents_of_a_linear_network() -> None:
    """log |eigenvalue|: those of a normal matrix are reached without delay."""
    q = orthogonal(4)
    eigenvalues = torch.tensor([1.3, 0.9, 0.5, 0.1], dtype=torch.float64)
    w = q @ torch.diag(eigenvalues) @ q.t()
    found = exponents(Look(linear_task(w), data_of(noise(2, 300))), steps=300, rows=2, most=4)
    torch.testing.assert_close(
        found, eigenvalues.log().expand(2, 4), rtol=0, atol=2e-3
    )  # what is left of settling


@pytest.mark.parametrize(("scale", "word"), [(0.5, "shrink"), (1.0, "stay"), (1.2, "chaotic")])
def test_readings(scale: float, word: str) -> None:
    task, data = linear_task(scale * orthogonal(3)), data_of(noise(2, 20))
    lyapunov = Lyapunov(steps=20).reading(task, data)
    assert word in lyapunov.sentence
    assert lyapunov.metrics["first"] == pytest.approx(float(torch.tensor(scale).log()), abs=1e-6)
    spectrum = JacobianSpectrum(steps=20, rows=2, samples=2).reading(task, data)
    assert spectrum.metrics["radius"] == pytest.approx(scale, rel=1e-6)
    assert spectrum.metrics["largest_singular_value"] == pytest.approx(scale, rel=1e-6)


def test_large_states_are_refused() -> None:
    task = make_task(core=partial(LSTM, hidden_size=300), bptt=Full())
    with pytest.raises(BadInput, match="carries 600 numbers, and matrices of more than 512"):
        Lyapunov(steps=10).reading(task, data_of(noise(2, 10)))
