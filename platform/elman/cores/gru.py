"""Gated recurrent unit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from elman.cores.cell import Cell
from elman.cores.pointwise import Pointwise, Slopes
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
    keeping_gate = "update"

    def drive(self, x: Tensor, weights: Any) -> Tensor:
        return F.linear(x, weights.weight_ih, weights.bias_ih)

    def step(self, drive: Tensor, carry: Carry, weights: Any) -> tuple[Tensor, Carry]:
        (h,) = carry
        r_x, z_x, n_x = drive.chunk(3, 1)
        r_h, z_h, n_h = F.linear(h, weights.weight_hh, weights.bias_hh).chunk(3, 1)
        r, z = torch.sigmoid(r_x + r_h), torch.sigmoid(z_x + z_h)
        h = (1 - z) * torch.tanh(n_x + r * n_h) + z * h
        return h, (h,)

    def open_gates(self, drive: Tensor, carry: Carry, weights: Any) -> Mapping[str, Tensor]:
        r_x, z_x, _ = drive.chunk(3, 1)
        r_h, z_h, _ = F.linear(carry[0], weights.weight_hh, weights.bias_hh).chunk(3, 1)
        return {"reset": torch.sigmoid(r_x + r_h), "update": torch.sigmoid(z_x + z_h)}

    def pointwise(self) -> Pointwise:
        return _Units()

    def fused(self) -> Callable[..., nn.Module]:
        return nn.GRU


class _Units(Pointwise):
    """r and z read W h added up, n reads it through r.

    With m = dL/dh_t and u = W h_{t-1} + b' of n: dn = m (1 - z)(1 - n^2), by n's drive; du = dn r;
    dr = dn u r (1 - r);  dz = m (h_{t-1} - n) z (1 - z);  past the product, dh_{t-1} = m z.
    """

    gates, joined = 3, 2
    native = "gru"

    def step(self, joined: Tensor, rest: Tensor, apart: Tensor, carry: Carry, new: Carry) -> None:
        r, z = joined.sigmoid_().chunk(2, 1)
        n = rest.addcmul_(r, apart).tanh_()
        torch.lerp(n, carry[0], z, out=new[0])

    def slopes(self, joined: Tensor, rest: Tensor, apart: Tensor, *, before: Carry, after: Carry) -> Slopes:
        (r, z), n = joined.chunk(2, 1), rest
        product = n.new_empty(len(n), 3, n.shape[1])
        dr, dz, du = product.unbind(1)
        dn = torch.addcmul(n.new_ones(()), n, n, value=-1).mul_(1 - z)
        torch.mul(dn, r, out=du)
        torch.mul(du, apart, out=dr).mul_(1 - r)
        torch.sub(before[0], n, out=dz).mul_(z).mul_(1 - z)
        return Slopes(product, rest=dn.unsqueeze(1), direct=z)
