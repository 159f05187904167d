"""A learned vector for every token id."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class Embedding(nn.Embedding):
    """(B, T) ids to (B, T, width) vectors, of whose components a share is dropped in training.

    Args:
        token_ids: how many ids there are.
        width: components of a vector.
        std: standard deviation of the components' first values, drawn from a normal distribution of mean 0.
        dropout: the share dropped, anew at every step.

    Raises:
        ValueError: if `std` is not positive or `dropout` outside [0, 1).
    """

    def __init__(self, token_ids: int, width: int, *, std: float = 1.0, dropout: float = 0.0) -> None:
        if not 0 < std < float("inf"):
            raise ValueError(f"embedding_std must be positive, got embedding_std={std}")
        if not 0 <= dropout < 1:
            raise ValueError(
                f"embedding_dropout is a share and must lie in [0, 1), got embedding_dropout={dropout}"
            )
        super().__init__(token_ids, width)
        self.dropout = dropout
        self.weight.data.mul_(std)

    def forward(self, ids: Tensor) -> Tensor:
        vectors = super().forward(ids)
        return F.dropout(vectors, self.dropout, self.training) if self.dropout else vectors
