"""Gated recurrent unit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from elman.cores.cell import Cell
from elman.tree import Carry


class GRU(Cell):
    """Two gates: one blends the old memory with a new one, one hides the old from the new.

    r, z = sigmoid(W h_{t-1} + U x_t + b), each with its own W, U, b;
    n = tanh(U x_t + b + r (W h_{t-1} + b'));  h_t = (1 - z) n + z h_{t-1}.

    The carry is (h,), (B, L, H).

    Source: Cho et al. (2014), arXiv 1406.1078, equations 5 to 8.
    Differs: r multiplies W h + b' rather than h, so that all products with h are one, and weights do
        not carry over from the paper's form; layers, dropout and residual sums are added; as in torch,
        gates lie in the order r, z, n and b of r and z is the sum of two biases.
    """

    gates = 3

    def drive(self, x: Tensor, weights: Any) -> Tensor:
        return F.linear(x, weights.weight_ih, weights.bias_ih)

    def step(self, drive: Tensor, carry: Carry, weights: Any) -> tuple[Tensor, Carry]:
        (h,) = carry
        r_x, z_x, n_x = drive.chunk(3, 1)
        r_h, z_h, n_h = F.linear(h, weights.weight_hh, weights.bias_hh).chunk(3, 1)
        r, z = torch.sigmoid(r_x + r_h), torch.sigmoid(z_x + z_h)
        h = (1 - z) * torch.tanh(n_x + r * n_h) + z * h
        return h, (h,)

    def fused(self) -> Callable[..., nn.Module]:
        return nn.GRU
