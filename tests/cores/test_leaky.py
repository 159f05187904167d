"""Leaky units beside plain ones, and their backward pass by hand."""

from __future__ import annotations

import pytest
import torch

from elman.cores import Elman, Leaky

PHI = ("tanh", "sigmoid", "relu")
CLOSE = {"rtol": 1e-10, "atol": 1e-12}


def ran(core, *, lengths=None) -> list[torch.Tensor]:
    """Outputs, the carry after them, and the gradient by everything, of a random sum of both."""
    torch.manual_seed(2)
    x = torch.randn(3, 40, 2, dtype=torch.float64, requires_grad=True)
    carry = tuple(torch.randn_like(leaf).requires_grad_() for leaf in core.initial_carry(3))
    out, end = core(x, carry, lengths)
    total = (out * torch.randn_like(out)).sum() + (end[0] * torch.randn_like(end[0])).sum()
    return [out, *end, *torch.autograd.grad(total, [x, *carry, *core.parameters()])]


def made(kind: type, **options):
    torch.manual_seed(1)
    return kind(2, hidden_size=4, layers=2, residual=True, **options).double()


@pytest.mark.parametrize("ragged", [False, True], ids=["even", "ragged"])
@pytest.mark.parametrize("phi", PHI)
def test_by_hand_as_by_autograd(phi: str, ragged: bool) -> None:
    lengths = torch.tensor([40, 7, 23]) if ragged else None
    by_hand, by_autograd = (
        made(Leaky, rate=0.3, nonlinearity=phi, kernel=kernel) for kernel in ("scan", "loop")
    )
    for found, want in zip(ran(by_hand, lengths=lengths), ran(by_autograd, lengths=lengths), strict=True):
        torch.testing.assert_close(found, want, **CLOSE)


def test_at_rate_one_it_is_elman() -> None:
    for found, want in zip(ran(made(Leaky, rate=1.0)), ran(made(Elman)), strict=True):
        torch.testing.assert_close(found, want, **CLOSE)


@pytest.mark.parametrize("rate", [0.0, 1.5, float("nan")])
def test_a_rate_is_a_share(rate: float) -> None:
    with pytest.raises(ValueError, match=r"in \(0, 1\], got rate="):
        Leaky(2, rate=rate)
