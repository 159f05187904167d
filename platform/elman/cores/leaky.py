"""A network of leaky units, the continuous-time rate network in steps."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from elman.cores._check import check_choice
from elman.cores.cell import Cell
from elman.cores.elman import PHI
from elman.cores.pointwise import Pointwise, Slopes
from elman.tree import Carry


class Leaky(Cell):
    """A unit keeps a share of what it was: memory that no recurrent weight has to hold.

    h_t = (1 - rate) h_{t-1} + rate phi(W h_{t-1} + U x_t + b), in every layer; a layer's x_t is the h_t of
    the layer below. It is dh/dtau = -h + phi(...) in Euler steps of rate time constants.

    The carry is (h,), (B, L, H).

    Args:
        rate: in (0, 1]; a unit alone forgets e-fold in about 1 / rate steps. With 1 this is `Elman`.
        nonlinearity: phi: "tanh", "relu" or "sigmoid".

    Raises:
        ValueError: if `rate` is out of range or `nonlinearity` unknown.

    Cost: as `Elman`; the scan and the loop run it.

    Source: Jaeger, Lukosevicius, Popovici and Siewert (2007), Neural Networks 20(3), equation 2 with a = 1;
        trained by `EProp` this is RFLO, Murray (2019), eLife 8, e43299.
    Differs: all units have one rate, which is not learned; as in torch, b is the sum of two biases.
    """

    rate: float = 0.1
    nonlinearity: Literal["tanh", "relu", "sigmoid"] = "tanh"

    def __post_init__(self) -> None:
        check_choice("nonlinearity", self.nonlinearity, tuple(PHI))
        if not 0 < self.rate <= 1:
            raise ValueError(f"rate is the share a unit takes in at a step, in (0, 1], got rate={self.rate}")
        super().__post_init__()

    def step(self, drive: Tensor, carry: Carry, weights: Any) -> tuple[Tensor, Carry]:
        (h,) = carry
        new = PHI[self.nonlinearity](drive + F.linear(h, weights.weight_hh))
        h = torch.lerp(h, new, self.rate)
        return h, (h,)

    def pointwise(self) -> Pointwise:
        return _Units(self.nonlinearity, self.rate)


class _Units(Pointwise):
    """With y = phi(a): da = rate phi' dh; past the product, dh_{t-1} = (1 - rate) dh.

    Args:
        phi: its name; phi' is 1 - y^2 of tanh, y (1 - y) of sigmoid, 1 where y > 0 of relu.
        rate: as of `Leaky`.
    """

    def __init__(self, phi: str, rate: float) -> None:
        self.phi, self.rate = phi, rate

    def step(self, joined: Tensor, rest: Tensor, apart: Tensor, carry: Carry, new: Carry) -> None:
        y = {"tanh": torch.tanh_, "sigmoid": torch.sigmoid_, "relu": torch.relu_}[self.phi](joined)
        torch.lerp(carry[0], y, self.rate, out=new[0])

    def slopes(self, joined: Tensor, rest: Tensor, apart: Tensor, *, before: Carry, after: Carry) -> Slopes:
        y = joined
        if self.phi == "relu":
            slope = (y > 0).to(y.dtype)
        elif self.phi == "tanh":
            slope = torch.addcmul(y.new_ones(()), y, y, value=-1)
        else:
            slope = torch.addcmul(y, y, y, value=-1)
        direct = y.new_full(y.shape, 1 - self.rate)
        return Slopes(slope.mul_(self.rate).unsqueeze(1), direct=direct)
