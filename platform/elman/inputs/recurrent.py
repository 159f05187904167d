"""A context encoder of a sequence a row."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from elman.cores import LSTM, Core
from elman.inputs.context_encoder import ContextEncoder


class Recurrent(ContextEncoder):
    """A core's output at the last step of a source sequence.

    Args:
        input_size: features of a source step, F.
        core: runs over the source, all but its input size; null: an LSTM.

    Source: Cho et al. (2014), arXiv 1406.1078; Sutskever, Vinyals and Le (2014), arXiv 1409.3215.
    Differs: the core's last output, not its carry, goes on, through a layer of its own for every tensor of
    the decoder's carry; so encoder and decoder may be of different kinds and sizes.
    """

    def __init__(self, input_size: int, *, core: Callable[[int], Core] | None = None) -> None:
        super().__init__()
        self.core = (core or LSTM)(input_size)
        self.output_size = self.core.output_size

    def forward(self, context: Tensor | tuple[Tensor, ...]) -> Tensor:
        """(B, output_size) from source steps (B, S, F) and how many of them each row has (B,)."""
        if isinstance(context, Tensor) or len(context) != 2:
            raise ValueError("Recurrent reads a pair as context: source steps (B, S, F) and counts (B,)")
        source, counts = context[0], context[1].cpu()
        out, _ = self.core(source, self.core.initial_carry(len(source)), counts)
        last = (counts - 1).clamp(min=0).to(out.device)
        return out[torch.arange(len(out), device=out.device), last]
