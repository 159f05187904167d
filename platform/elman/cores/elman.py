"""The simple recurrent network of Elman."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from elman.cores._check import check_choice
from elman.cores._weights import make_identity
from elman.cores.cell import Cell
from elman.cores.pointwise import Pointwise, Slopes
from elman.tree import Carry

PHI = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}


class Elman(Cell):
    """The output of a step is also the memory of the next.

    h_t = phi(W h_{t-1} + U x_t + b), in every layer; a layer's x_t is the h_t of the layer below.

    The carry is (h,), (B, L, H).

    Args:
        nonlinearity: phi: "tanh", "relu" (unbounded: clip the gradient) or "sigmoid" (its slope is at
            most 1/4, so gradients fade unless the norm of W exceeds 4).
        identity: with relu, W begins as this number times the identity, U from N(0, 0.001^2) and b as zero,
            in place of `init`. With 1, which keeps what it has read, this is an IRNN; None: not so.

    Raises:
        ValueError: if `nonlinearity` is unknown; if `identity` is not positive, or stands beside an `init` or
            beside another nonlinearity than relu.

    Cost: tanh and relu have a fused kernel, sigmoid has none.

    Source: Elman (1990), Cognitive Science 14(2); of identity: Le, Jaitly & Hinton (2015), arXiv 1504.00941.
    Differs: gradients go through the carry, where Elman copied it as a mere input; tanh by default,
        where Elman used the logistic sigmoid; layers, dropout and residual sums are added; as in torch,
        b is the sum of two biases.
    """

    reads_h_by_weights = True

    nonlinearity: Literal["tanh", "relu", "sigmoid"] = "tanh"
    identity: float | None = None

    def __post_init__(self) -> None:
        check_choice("nonlinearity", self.nonlinearity, tuple(PHI))
        if self.identity is not None:
            self._check_identity(self.identity)
        super().__post_init__()
        if self.identity is not None:
            make_identity(self.stack, scale=self.identity)

    def _check_identity(self, scale: float) -> None:
        if not 0 < scale < math.inf:
            raise ValueError(f"identity is W's diagonal at first and must be positive, got identity={scale}")
        if self.nonlinearity != "relu":
            raise ValueError(
                f"identity={scale} keeps what relu units hold, got nonlinearity={self.nonlinearity!r}; "
                f"set nonlinearity: relu, or leave identity out"
            )
        if self.init != "orthogonal":
            raise ValueError(
                f"identity={scale} and init={self.init!r} both give weights their first values; leave one out"
            )

    def step(self, drive: Tensor, carry: Carry, weights: Any) -> tuple[Tensor, Carry]:
        h = PHI[self.nonlinearity](drive + F.linear(carry[0], weights.weight_hh))
        return h, (h,)

    def pointwise(self) -> Pointwise:
        return Units(self.nonlinearity)

    def fused(self) -> Callable[..., nn.Module] | None:
        return None if self.nonlinearity == "sigmoid" else partial(nn.RNN, nonlinearity=self.nonlinearity)


class Units(Pointwise):
    """h = phi(a), so da = phi' dh; phi' is 1 - h^2 of tanh, h (1 - h) of sigmoid, 1 where h > 0 of relu.

    Args:
        nonlinearity: phi.
    """

    keeps_gates = False

    def __init__(self, nonlinearity: str) -> None:
        self.phi, self.native = nonlinearity, f"elman_{nonlinearity}"

    def step(self, joined: Tensor, rest: Tensor, apart: Tensor, carry: Carry, new: Carry) -> None:
        if self.phi == "relu":
            torch.clamp(joined, min=0, out=new[0])
        else:
            (torch.tanh if self.phi == "tanh" else torch.sigmoid)(joined, out=new[0])

    def slopes(self, joined: Tensor, rest: Tensor, apart: Tensor, *, before: Carry, after: Carry) -> Slopes:
        (h,) = after
        if self.phi == "relu":
            slope = (h > 0).to(h.dtype)
        elif self.phi == "tanh":
            slope = torch.addcmul(h.new_ones(()), h, h, value=-1)
        else:
            slope = torch.addcmul(h, h, h, value=-1)
        return Slopes(slope.unsqueeze(1))
