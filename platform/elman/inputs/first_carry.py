"""The carry that a context begins a sequence with."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from elman.cores.core import Core, wide
from elman.inputs.context_encoder import ContextEncoder
from elman.tree import Carry


class FirstCarry(nn.Module):
    """carry_i = tanh(V_i e + b_i), e the encoder's output, one V for every tensor of the core's carry.

    Args:
        encoder: context to e.
        core: whose carry is made.

    Raises:
        ValueError: if the core carries nothing, or something that does not begin at zero.
    """

    def __init__(self, encoder: ContextEncoder, core: Core) -> None:
        super().__init__()
        start, name = core.initial_carry(1), type(core).__name__
        if not start:
            raise ValueError(f"{name} carries nothing, so the context could not reach it")
        if any(bool(leaf.any()) for leaf in start):
            raise ValueError(f"a context encoder begins carries that are zero without it; {name}'s is not")
        self.encoder = encoder
        self.shapes = [leaf.shape[1:] for leaf in start]
        self.leaves = nn.ModuleList(nn.Linear(encoder.output_size, leaf.numel()) for leaf in start)

    def forward(self, context: Tensor | tuple[Tensor, ...]) -> Carry:
        """The carry of rows with this context."""
        encoded = self.encoder(context)
        return tuple(
            torch.tanh(cast(nn.Linear, leaf)(encoded)).view(len(encoded), *shape).to(wide(encoded.dtype))
            for leaf, shape in zip(self.leaves, self.shapes, strict=True)
        )
