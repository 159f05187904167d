"""From core outputs to classes or values."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Readout(nn.Linear):
    """A linear map, (..., H) to (..., O), of core outputs of which a share is dropped in training.

    Args:
        width: H, the core's output size.
        output_size: O.
        dropout: the share dropped.
        learned: False: the outputs of the core are those of the network.

    Raises:
        ValueError: if nothing is learned, and H is not O.
    """

    def __init__(self, width: int, output_size: int, *, dropout: float = 0.0, learned: bool = True) -> None:
        super().__init__(width, output_size)
        self.dropout = dropout
        if not learned:
            if width != output_size:
                raise ValueError(
                    f"the core's outputs are the predictions, {width} a step, but this data has "
                    f"{output_size} classes or values a step; take another core"
                )
            nn.init.eye_(self.weight)
            nn.init.zeros_(self.bias)
            self.requires_grad_(False)

    def forward(self, out: Tensor) -> Tensor:
        if self.dropout:
            out = F.dropout(out, self.dropout, self.training)
        return super().forward(out)

    @property
    def knows_gradient(self) -> bool:
        """Whether `gradient` is that of a call: nothing is dropped, and nobody has put anything around it."""
        hooked = self._forward_hooks or self._forward_pre_hooks or self._backward_hooks
        changed = hooked or self._backward_pre_hooks or hasattr(self, "parametrizations")
        return type(self) is Readout and not changed and not (self.dropout and self.training)

    def outputs(self, read: Tensor) -> Tensor:
        """As a call where nothing is dropped, (N, H) to (N, O)."""
        return torch.addmm(self.bias, read, self.weight.t())

    def gradient(self, read: Tensor, by_output: Tensor) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """The gradient by what was read, and that of every parameter that learns, of one by the outputs.

        Args:
            read: (N, H).
            by_output: (N, O).
        """
        weight, bias = self.weight, self.bias
        found = [(weight, by_output.t().mm(read)), (bias, by_output.sum(0))]
        return by_output.mm(weight), [(own, value) for own, value in found if own.requires_grad]
