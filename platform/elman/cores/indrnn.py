"""Recurrent units that do not read one another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from torch import Tensor, nn

from elman.cores._check import check_choice
from elman.cores.cell import Cell
from elman.cores.elman import PHI, Units
from elman.cores.pointwise import Pointwise
from elman.tree import Carry


class IndRNN(Cell):
    """Every unit remembers its own output alone; layers mix them.

    h_t = phi(u h_{t-1} + U x_t + b), u one number a unit, in every layer; a layer's x_t is the h_t of the
    layer below.

    The carry is (h,), (B, L, H).

    Args:
        nonlinearity: phi: "relu", "tanh" or "sigmoid".
        most_recurrent: u is drawn from U(0, most_recurrent); with relu, 2 ** (1 / T) lets a value double in T
            steps at most; None leaves u to `init`.

    Raises:
        ValueError: if `nonlinearity` is unknown or `most_recurrent` is not positive.

    Cost: the loop alone runs it over time. `DiagonalRTRL` trains one layer exactly, whatever the length.

    Source: Li, Li, Cook, Zhu and Gao (2018), CVPR, arXiv 1803.04831.
    Differs: u is not kept within its first bound while it learns; nothing is normalised between layers; as in
        torch, b is the sum of two biases.
    """

    diagonal = True
    reads_h_by_weights = True

    nonlinearity: Literal["relu", "tanh", "sigmoid"] = "relu"
    most_recurrent: float | None = 1.0

    def __post_init__(self) -> None:
        check_choice("nonlinearity", self.nonlinearity, tuple(PHI))
        if self.most_recurrent is not None and not 0 < self.most_recurrent < float("inf"):
            raise ValueError(
                f"most_recurrent bounds u and must be positive or null, got "
                f"most_recurrent={self.most_recurrent}"
            )
        super().__post_init__()
        if self.most_recurrent is not None:
            for layer in range(self.layers):
                nn.init.uniform_(self.stack.weights_of(layer)["weight_hh"], 0, self.most_recurrent)

    def shapes(self, input_size: int) -> Mapping[str, tuple[int, ...]]:
        h = self.hidden_size
        return {"weight_ih": (h, input_size), "weight_hh": (h,), "bias_ih": (h,), "bias_hh": (h,)}

    def step(self, drive: Tensor, carry: Carry, weights: Any) -> tuple[Tensor, Carry]:
        h = PHI[self.nonlinearity](drive + weights.weight_hh * carry[0])
        return h, (h,)

    def pointwise(self) -> Pointwise:
        return Units(self.nonlinearity)
