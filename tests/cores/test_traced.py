"""Derivatives of single steps, as credit that travels forward in time takes them."""

from __future__ import annotations

import pytest
import torch

from elman.cores import GRU, LSTM, Elman, IndRNN, Leaky, MinGRU

CELLS = {"Elman": Elman, "Leaky": Leaky, "IndRNN": IndRNN, "LSTM": LSTM, "GRU": GRU, "MinGRU": MinGRU}


@pytest.mark.parametrize("cell", CELLS)
def test_the_norm_of_an_outer_product_is_that_of_the_product_made(cell: str) -> None:
    torch.manual_seed(1)
    core = CELLS[cell](3, hidden_size=5, layers=2).double()
    carry = tuple(torch.randn_like(leaf) for leaf in core.initial_carry(4))
    _, _, steps = core.traced_steps(torch.randn(4, 3, 3, dtype=torch.float64), carry)
    for layer in (layer for step in steps for layer in step.layers):
        product, drive = layer.by_gates(torch.randn(layer.by_product[:, :, 0].shape, dtype=torch.float64))
        made = layer.outer(product, drive).flatten(1).norm(dim=1)
        torch.testing.assert_close(layer.outer_norm(product, drive), made, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("cell", CELLS)
def test_steps_together_are_those_one_after_the_other(cell: str) -> None:
    """What several steps share, one buffer for all that they read among it, stays each step's own."""
    torch.manual_seed(1)
    core = CELLS[cell](3, hidden_size=5, layers=2).double()
    x, carry = torch.randn(4, 3, 3, dtype=torch.float64), core.initial_carry(4)
    out, end, together = core.traced_steps(x, carry)
    for number, step in enumerate(together):
        one, carry, (alone,) = core.traced_steps(x[:, number : number + 1], carry)
        torch.testing.assert_close(one[:, 0], out[:, number], rtol=1e-12, atol=1e-12)
        for a, b in zip(step.layers, alone.layers, strict=True):
            for name in ("read", "by_product", "by_drive", "own"):
                torch.testing.assert_close(getattr(a, name), getattr(b, name), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(end, carry, rtol=1e-12, atol=1e-12)
