"""From core outputs to classes or values."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class Readout(nn.Linear):
    """A linear map, (..., H) to (..., O), of core outputs of which a share is dropped in training.

    Args:
        width: H, the core's output size.
        output_size: O.
        dropout: the share dropped.
    """

    def __init__(self, width: int, output_size: int, *, dropout: float = 0.0) -> None:
        super().__init__(width, output_size)
        self.dropout = dropout

    def forward(self, out: Tensor) -> Tensor:
        if self.dropout:
            out = F.dropout(out, self.dropout, self.training)
        return super().forward(out)
