"""The minimal gated recurrent unit, whose gate does not see the memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from elman.cores._linear import AtOnce, Time, widened
from elman.cores.cell import Cell
from elman.cores.pointwise import Pointwise, Slopes
from elman.tree import Carry


class MinGRU(Cell):
    """A GRU without recurrent weights: its gate and its new memory read the input alone.

    z = sigmoid(U x_t + b), n = U x_t + b, each with its own U, b;  h_t = (1 - z) h_{t-1} + z n.

    So h is linear in itself, every unit on its own; layers mix them. The carry is (h,), (B, L, H).

    Cost: parallel: one product for the inputs of all steps and no other, then a step is one operation in
        place.

    Source: Feng, Tung, Ahmed, Bengio & Hajimirsadeghi (2024), arXiv 2410.01201, section 3.1.
    Differs: h is computed as it stands and not by logarithms, so n may have any sign and h_0 be anything;
        layers are plain or residual, with no norm, convolution or wider layer between them; gates lie in
        the order z, n.
    """

    gates, diagonal = 2, True
    keeping_gate = "keep"

    def shapes(self, input_size: int) -> Mapping[str, tuple[int, ...]]:
        return {"weight_ih": (2 * self.hidden_size, input_size), "bias": (2 * self.hidden_size,)}

    def drive(self, x: Tensor, weights: Any) -> Tensor:
        return widened(F.linear(x, weights.weight_ih, weights.bias))

    def step(self, drive: Tensor, carry: Carry, weights: Any) -> tuple[Tensor, Carry]:
        z, n = drive.chunk(2, 1)
        h = torch.lerp(carry[0].to(n.dtype), n, torch.sigmoid(z))
        return h.to(weights.bias.dtype), (h,)

    def open_gates(self, drive: Tensor, carry: Carry, weights: Any) -> Mapping[str, Tensor]:
        z, _ = drive.chunk(2, 1)
        return {"keep": torch.sigmoid(-z)}

    def pointwise(self) -> Pointwise:
        return _Units()

    def at_once(self) -> AtOnce:
        return AtOnce("parallel", self._all_steps)

    def _all_steps(self, x: Tensor, carry: Carry, weights: Any, time: Time) -> tuple[Tensor, Carry]:
        z, n = self.drive(x, weights).chunk(2, 1)
        keep = torch.sigmoid(-z)
        h, end = time.recur(keep, n - keep * n, carry[0].to(n.dtype), time.begun(0))
        return h.to(weights.bias.dtype), (end,)


class _Units(Pointwise):
    """With m = dL/dh_t: dz = m (n - h_{t-1}) z (1 - z);  dn = m z;  dh_{t-1} = m (1 - z)."""

    gates, joined = 2, 0

    def step(self, joined: Tensor, rest: Tensor, apart: Tensor, carry: Carry, new: Carry) -> None:
        z, n = rest.chunk(2, 1)
        torch.lerp(carry[0], n, z.sigmoid_(), out=new[0])

    def slopes(self, joined: Tensor, rest: Tensor, apart: Tensor, *, before: Carry, after: Carry) -> Slopes:
        z, n = rest.chunk(2, 1)
        drive = torch.stack([(n - before[0]) * z * (1 - z), z], 1)
        return Slopes(torch.zeros_like(drive), rest=drive, direct=1 - z)
