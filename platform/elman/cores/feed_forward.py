"""The baseline without memory."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from elman.cores._check import check_choice, check_sizes
from elman.cores.core import Core
from elman.tree import Carry

PHI = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}


class FeedForward(Core):
    """A multilayer perceptron applied to each step alone: what a task gives away without memory.

    h_t = phi(U x_t + b), in every layer: an Elman network with W = 0.

    The carry is the empty tuple.

    Args:
        input_size: features of a step, F.
        hidden_size: units of a layer, H; also `output_size`.
        layers: layers over one another.
        nonlinearity: phi: "tanh", "relu" or "sigmoid".
        dropout: share of the units of a layer's output that the next layer does not see, in training;
            nothing is dropped before the first layer or after the last.
        residual: from layer 2 on, a layer's output is h^l plus the output of the layer below.

    Raises:
        ValueError: if a size is below 1, `dropout` outside [0, 1), or `nonlinearity` unknown.

    Cost: one product per layer for all steps of all rows, padding included.

    Source: Rumelhart, Hinton & Williams (1986), Nature 323.
    Differs: tanh by default; weights Xavier uniform and biases zero, as in `Elman`.
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
    ) -> None:
        super().__init__()
        check_sizes(input_size=input_size, hidden_size=hidden_size, layers=layers, dropout=dropout)
        check_choice("nonlinearity", nonlinearity, tuple(PHI))
        self.input_size, self.output_size = input_size, hidden_size
        self.hidden_size, self.layers = hidden_size, layers
        self.nonlinearity, self.dropout, self.residual = nonlinearity, dropout, residual
        widths = [input_size] + [hidden_size] * (layers - 1)
        self.parts = nn.ModuleList(nn.Linear(width, hidden_size) for width in widths)
        for name, parameter in self.named_parameters():
            if "bias" in name:
                nn.init.zeros_(parameter)
            else:
                nn.init.xavier_uniform_(parameter)

    def forward(self, x: Tensor, carry: Carry, lengths: Tensor | None = None) -> tuple[Tensor, Carry]:
        steps = x.shape[1]
        if lengths is None or bool((lengths == steps).all()):
            return self._run(x), carry
        beyond = (torch.arange(steps) >= lengths.unsqueeze(1)).unsqueeze(2).to(x.device)  # (B, T, 1)
        # Twice: padding may hold NaN, which a mask on the output alone would let into the gradient.
        return self._run(x.masked_fill(beyond, 0)).masked_fill(beyond, 0), carry

    def initial_carry(self, row_count: int) -> Carry:
        return ()

    def _run(self, out: Tensor) -> Tensor:
        for number, part in enumerate(self.parts):
            below = out
            read = F.dropout(below, self.dropout, self.training) if number else below
            out = PHI[self.nonlinearity](part(read))
            if number and self.residual:
                out = out + below
        return out
