"""A context encoder of one vector a row."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from elman.cores._check import check_layers
from elman.inputs.context_encoder import ContextEncoder


class Dense(ContextEncoder):
    """relu(W c + b), layer over layer, of a context c of one vector a row.

    Args:
        input_size: features of the context, F.
        hidden_size: units of a layer; also `output_size`.
        layers: layers over one another.
        dropout: share of a layer's units dropped in training.

    Raises:
        ValueError: if a size is below 1 or `dropout` outside [0, 1).
    """

    def __init__(
        self, input_size: int, *, hidden_size: int = 128, layers: int = 1, dropout: float = 0.0
    ) -> None:
        super().__init__()
        for name, value in {"input_size": input_size, "hidden_size": hidden_size, "layers": layers}.items():
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {name}={value}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout is a share and must lie in [0, 1), got dropout={dropout}")
        check_layers(layers)
        widths = [input_size] + [hidden_size] * layers
        self.parts = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.dropout = nn.Dropout(dropout)
        self.output_size = hidden_size

    def forward(self, context: Tensor | tuple[Tensor, ...]) -> Tensor:
        """(B, output_size) from a context (B, F)."""
        if not isinstance(context, Tensor):
            raise ValueError("Dense reads one tensor as context; use Recurrent for frames and their count")
        out = context.flatten(1)
        for part in self.parts:
            out = self.dropout(torch.relu(part(out)))
        return out
