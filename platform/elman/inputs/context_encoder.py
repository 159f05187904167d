"""The contract of a context encoder."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class ContextEncoder(nn.Module, ABC):
    """The context of a batch in, one vector a row out.

    It runs once for every sequence, where the sequence begins, and no strategy cuts it: the gradient of the
    window that begins a sequence reaches all of it. Takes the context's features first and everything else
    by keyword.
    """

    output_size: int

    @abstractmethod
    def forward(self, context: Tensor | tuple[Tensor, ...]) -> Tensor:
        """(B, output_size) from `SequenceBatch.context`."""
