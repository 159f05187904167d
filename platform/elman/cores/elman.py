"""The simple recurrent network of Elman."""

from __future__ import annotations

from functools import partial
from typing import Literal

from torch import Tensor, nn

from elman.cores._check import check_choice, check_sizes
from elman.cores._loop import SigmoidLayer
from elman.cores._stack import Stack
from elman.cores._weights import INITS, Init, make_orthogonal
from elman.cores.core import Core
from elman.tree import Carry


class Elman(Core):
    """The output of a step is also the memory of the next.

    h_t = phi(W h_{t-1} + U x_t + b), in every layer; a layer's x_t is the h_t of the layer below.

    The carry is (h,), (B, L, H).

    Args:
        input_size: features of a step, F.
        hidden_size: units of a layer, H; also `output_size`.
        layers: layers over one another, L.
        nonlinearity: phi: "tanh", "relu" (unbounded: clip the gradient) or "sigmoid" (its slope is at
            most 1/4, so gradients fade unless the norm of W exceeds 4).
        dropout: share of the units of a layer's output that the next layer does not see, in training;
            nothing is dropped before the first layer, after the last, or along time.
        residual: from layer 2 on, a layer's output is h^l plus the output of the layer below.
        init: "orthogonal": W orthogonal, U Xavier uniform, b zero; "torch": everything from
            U(-1/sqrt(H), 1/sqrt(H)).

    Raises:
        ValueError: if a size is below 1, `dropout` outside [0, 1), or a choice unknown.

    Cost: tanh and relu run in one fused kernel, or in one per layer if residual; sigmoid loops over
        steps.

    Source: Elman (1990), Cognitive Science 14(2).
    Differs: gradients go through the carry, where Elman copied it as a mere input; tanh by default,
        where Elman used the logistic sigmoid; layers, dropout and residual sums are added (Zaremba et
        al. (2014), arXiv 1409.2329; Wu et al. (2016), arXiv 1609.08144, section 3.1); as in torch,
        b is the sum of two biases.
    """

    def __init__(
        self,
        input_size: int,
        *,
        hidden_size: int = 128,
        layers: int = 1,
        nonlinearity: Literal["tanh", "relu", "sigmoid"] = "tanh",
        dropout: float = 0.0,
        residual: bool = False,
        init: Init = "orthogonal",
    ) -> None:
        super().__init__()
        check_sizes(input_size=input_size, hidden_size=hidden_size, layers=layers, dropout=dropout)
        check_choice("nonlinearity", nonlinearity, ("tanh", "relu", "sigmoid"))
        check_choice("init", init, INITS)
        self.input_size, self.output_size = input_size, hidden_size
        self.hidden_size, self.layers = hidden_size, layers
        fused = nonlinearity != "sigmoid"
        self.stack = Stack(
            partial(nn.RNN, nonlinearity=nonlinearity) if fused else SigmoidLayer,
            input_size=input_size,
            hidden_size=hidden_size,
            layers=layers,
            dropout=dropout,
            residual=residual,
            fused=fused,
        )
        if init == "orthogonal":
            make_orthogonal(self.stack, hidden_size=hidden_size)

    def forward(self, x: Tensor, carry: Carry, lengths: Tensor | None = None) -> tuple[Tensor, Carry]:
        return self.stack.forward(x, carry, lengths)

    def initial_carry(self, row_count: int) -> Carry:
        return self.stack.initial_carry(row_count)
