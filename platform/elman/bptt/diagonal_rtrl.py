"""Real-time recurrent learning of units that do not read one another."""

from __future__ import annotations

import torch
from torch import Tensor

from elman.bptt.own_traces import OwnTraces
from elman.cores.core import Core
from elman.cores.traced import TracedLayer


class DiagonalRTRL(OwnTraces):
    """`RTRL` at the price of a backward pass, for a core whose units do not read one another.

    E_t = D_t E_{t-1} + I_t,  D_t the Jacobian of the carry, which is diagonal: nothing is lost. That holds
    for one layer, and for the top layer of a stack. Below, credit that went up at an earlier step and came
    on in a higher layer's carry is lost.

    Args:
        k1: steps from one update to the next, also over batch borders; the gradients of their losses add up.
        most_mib: largest size of the traces of all rows together, in MiB.

    Cost: about a backward pass of a step; G H (F + 3) numbers of memory a row and layer, G gates.

    Source: Irie, Gopalakrishnan and Schmidhuber (2023), arXiv 2305.19044, for one layer; Zucchet, Meier,
        Schug, Mujika and Sacramento (2023), arXiv 2305.15947, for stacks.
    """

    credit_holds = "for one layer"

    def refuses(self, core: Core) -> str | None:
        if getattr(core, "diagonal", False):
            return None
        return f"the units of {type(core).__name__} read one another; use SnAp1, or RTRL, or the core IndRNN"

    def retained(self, layer: TracedLayer) -> Tensor:
        return layer.diagonal()

    def credit_matrix(self, steps: int) -> Tensor:
        """That of one layer; in a stack, the lower layers lose some of it."""
        return torch.ones(steps, steps, dtype=torch.int64).tril()
