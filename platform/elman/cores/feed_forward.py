"""The baseline without memory."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from elman.cores._check import check_choice
from elman.cores.elman import PHI
from elman.cores.layered import Layered
from elman.cores.resets import Resets
from elman.tree import Carry


class FeedForward(Layered):
    """A multilayer perceptron applied to each step alone: what a task gives away without memory.

    h_t = phi(U x_t + b), in every layer: an Elman network with W = 0.

    The carry is the empty tuple.

    Args:
        nonlinearity: phi: "tanh", "relu" or "sigmoid".

    Raises:
        ValueError: if `nonlinearity` is unknown.

    Cost: one product per layer for all steps of all rows, padding included.

    Source: Rumelhart, Hinton & Williams (1986), Nature 323.
    Differs: tanh by default; weights Xavier uniform and biases zero, as in `Elman`.
    """

    nonlinearity: Literal["tanh", "relu", "sigmoid"] = "tanh"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("nonlinearity", self.nonlinearity, tuple(PHI))
        widths = [self.input_size] + [self.hidden_size] * (self.layers - 1)
        self.parts = nn.ModuleList(nn.Linear(width, self.hidden_size) for width in widths)
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

    def forward_from(
        self, x: Tensor, carry: Carry, lengths: Tensor | None, resets: Resets
    ) -> tuple[Tensor, Carry]:
        return self(x, carry, lengths)  # nothing is carried that could begin anew

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
