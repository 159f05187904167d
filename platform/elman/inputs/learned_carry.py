"""A carry that is learned, for sequences to begin with."""

from __future__ import annotations

from torch import Tensor, nn

from elman.cores.core import Core
from elman.tree import Carry


class LearnedCarry(nn.Module):
    """carry_i = p_i in every row that begins, a parameter for every tensor of the carry that may be learned.

    Its first values are the core's own, so that the first loss is that of a network without it. Its gradient
    is the sum over all rows and steps at which a sequence begins within what a window differentiates.

    Args:
        core: whose carry begins so. Only what the core names in `learnable_parts` is learned: both directions
            of `Bidirectional`; the inner core's carry in `Pooled` and `Centred`, not their sums, counts and
            maxima.

    Raises:
        ValueError: if the core carries nothing that could be learned.

    Source: Forcada and Carrasco (1995), Neural Computation 7(5): the state before the first step is one more
        parameter.
    """

    def __init__(self, core: Core) -> None:
        super().__init__()
        self.learned = core.learnable_parts()
        start = zip(core.initial_carry(1), self.learned, strict=True)
        self.leaves = nn.ParameterList(nn.Parameter(leaf[0].clone()) for leaf, learned in start if learned)
        if not len(self.leaves):
            raise ValueError(
                f"first_carry=learned: {type(core).__name__} carries nothing that could be learned; "
                "leave first_carry out"
            )

    def forward(self, start: Carry) -> Carry:
        """`start`, the core's own first carry of some rows, with the learned values in it."""
        leaves = iter(self.leaves)
        return tuple(
            _in_every_row(next(leaves), leaf) if learned else leaf
            for leaf, learned in zip(start, self.learned, strict=True)
        )


def _in_every_row(value: Tensor, like: Tensor) -> Tensor:
    return value.to(like.dtype).expand_as(like)
