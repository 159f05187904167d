"""What the forward pass of a scan keeps for its way back, and what the way back gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from torch import Tensor

from elman.cores._layout import Layout
from elman.cores.crossing import Crossing
from elman.cores.pointwise import Pointwise


class Ran(NamedTuple):
    """One layer's forward pass.

    Args:
        cell, layout: of the layer and its rows.
        x: (N, F), what it read.
        weight_ih, weight_hh: as they were.
        states: (B + N, H) each, the carry of every step under that before step 0.
        first: (B, H) each, what rows begin with that begin inside; empty: none does.
        gates: as the pass left them; empty where its way back reads none.
    """

    cell: Pointwise
    layout: Layout
    x: Tensor
    weight_ih: Tensor
    weight_hh: Tensor
    states: list[Tensor]
    first: list[Tensor]
    gates: list[Tensor]

    def outputs(self) -> tuple[Tensor, list[Tensor]]:
        """h of every step, (N, H), and the carry after each row's last one."""
        return self.states[0][self.layout.row_count :], [self.layout.ends(state) for state in self.states]


class Gradients(NamedTuple):
    """Of a layer.

    Args:
        x: (N, F); None: nobody asked.
        weights: of weight_ih, weight_hh, bias_ih, bias_hh.
        carry: (B, H) each.
        first: (B, H) each; empty: nobody asked.
    """

    x: Tensor | None
    weights: tuple[Tensor, Tensor, Tensor, Tensor]
    carry: list[Tensor]
    first: list[Tensor]


class Passes(Protocol):
    """A way of running a layer over time, there and back, without autograd."""

    def forward(self, cell: Pointwise, layout: Layout, tensors: Sequence[Tensor], *, keeps: bool) -> Ran:
        """Run all steps.

        Args:
            tensors: x (N, F), weight_ih, weight_hh, bias_ih, bias_hh, the carry (B, H) each, and as many
                that rows begin with where some begin inside.
            keeps: what the way back reads.
        """

    def backward(
        self,
        ran: Ran,
        dout: Tensor,
        dends: Sequence[Tensor],
        *,
        crossing: Crossing | None,
        by_x: bool,
        by_first: bool,
    ) -> Gradients:
        """The gradients of a loss.

        Args:
            dout: (N, H), of the loss by the outputs.
            dends: (B, H) each, by the carry after each row's last step.
            crossing: what they go through between steps; None: nothing.
            by_x, by_first: whether those are asked for.
        """
