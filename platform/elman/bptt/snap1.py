"""Sparse one-step approximation of real-time recurrent learning."""

from __future__ import annotations

from torch import Tensor

from elman.bptt.own_traces import OwnTraces
from elman.bptt.strategy import NoCreditMatrix
from elman.cores.traced import TracedLayer


class SnAp1(OwnTraces):
    """`RTRL` without what passes from unit to unit: a weight's trace follows its own unit alone.

    E_t = D_t E_{t-1} + I_t,  D_t the diagonal of the Jacobian dc_t/dc_{t-1} of a layer's carry, a block of
    (h, c) by (h, c) for each unit of an LSTM. In a stack, credit passes to lower layers within a step, not
    over several steps through a higher layer's carry.

    Args:
        k1: steps from one update to the next, also over batch borders; the gradients of their losses add up.
        most_mib: largest size of the traces of all rows together, in MiB.

    Cost: about a backward pass of a step; P G H (H + F + 2) numbers of memory a row and layer, P tensors of
        carry, G gates.

    Source: Menick, Elsen, Evci, Osindero, Simonyan and Graves (2021), ICLR, SnAp-n with n = 1.
    Differs: layers are traced apart.
    """

    credit_holds = "never"

    def retained(self, layer: TracedLayer) -> Tensor:
        return layer.diagonal()

    def credit_matrix(self, steps: int) -> Tensor:
        raise NoCreditMatrix(
            "SnAp1 charges earlier steps through a unit's own carry alone, a share of the credit that is no "
            "number: it has no credit matrix"
        )
