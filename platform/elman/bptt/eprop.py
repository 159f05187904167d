"""Eligibility propagation."""

from __future__ import annotations

from torch import Tensor

from elman.bptt.own_traces import OwnTraces
from elman.bptt.strategy import NoCreditMatrix
from elman.cores.traced import TracedLayer


class EProp(OwnTraces):
    """A weight's trace decays with the unit's memory; what comes through recurrent weights is cut.

    E_t = D_t E_{t-1} + I_t,  D_t what a unit keeps of its carry past W h_{t-1}: f and the way from c to h in
    an LSTM, z in a GRU, 1 - rate in a leaky network (where this is RFLO), nothing in a plain Elman network
    (where this is Truncated(k1=1, k2=1)). It is back-propagation through a network whose products with
    h_{t-1} are taken as given.

    Args:
        k1: steps from one update to the next, also over batch borders; the gradients of their losses add up.
        most_mib: largest size of the traces of all rows together, in MiB.

    Cost: about a backward pass of a step; P G H (H + F + 2) numbers of memory a row and layer, P tensors of
        carry, G gates.

    Source: Bellec et al. (2020), Nature Communications 11, 3625; RFLO: Murray (2019), eLife 8, e43299.
    Differs: the learning signal is the loss's gradient by h, through readout and layers above; there is no
        random feedback.
    """

    credit_holds = "never"

    def retained(self, layer: TracedLayer) -> Tensor | None:
        return layer.own

    def credit_matrix(self, steps: int) -> Tensor:
        raise NoCreditMatrix(
            "EProp charges earlier steps through what a unit keeps past its recurrent weights, a share of "
            "the credit that is no number: it has no credit matrix"
        )
