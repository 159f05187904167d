"""Eligibility propagation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor

from elman.bptt.own_traces import OwnTraces
from elman.bptt.strategy import NoCreditMatrix, ReadoutGradient
from elman.cores.traced import TracedLayer, TracedStep
from elman.errors import BadInput

Feedback = Literal["symmetric", "random"]


class EProp(OwnTraces):
    """A weight's trace decays with the unit's memory; what comes through recurrent weights is cut.

    E_t = D_t E_{t-1} + I_t,  D_t what a unit keeps of its carry past W h_{t-1}: f and the way from c to h in
    an LSTM, z in a GRU, 1 - rate in a leaky network (where this is RFLO), nothing in a plain Elman network
    (where this is Truncated(k1=1, k2=1)). It is back-propagation through a network whose products with
    h_{t-1} are taken as given.

    Args:
        feedback: what tells a unit of an error: the weights that read it and those of layers above
            ("symmetric"), or random ones that stay, from the outputs to every layer ("random").
        seed: of these.
        k1: steps from one update to the next, also over batch borders; the gradients of their losses add up.
        most_mib: largest size of the traces of all rows together, in MiB.

    Cost: about a backward pass of a step; P G H (H + F + 2) numbers of memory a row and layer, P tensors of
        carry, G gates.

    Raises:
        ValueError: if `feedback` is neither, or `k1` or `most_mib` is not positive.

    Source: Bellec et al. (2020), Nature Communications 11, 3625; RFLO: Murray (2019), eLife 8, e43299.
    Differs: symmetric feedback to a lower layer passes through the layers above at the same step; random
        feedback is uniform within 1 / sqrt(H), as a readout begins.
    """

    credit_holds = "never"

    def __init__(
        self, *, feedback: Feedback = "symmetric", seed: int = 0, k1: int = 1, most_mib: float = 1024.0
    ) -> None:
        super().__init__(k1=k1, most_mib=most_mib)
        if feedback not in get_args(Feedback):
            raise ValueError(f"feedback must be 'symmetric' or 'random', got {feedback!r}")
        self.feedback, self.seed = feedback, seed
        self._drawn: list[Tensor] = []

    def feedback_weights(self, like: Tensor, sizes: Sequence[int]) -> list[Tensor]:
        """(O, H) for every layer; from one seed the same in every process.

        Args:
            like: (O, ...), of whose type and device they are.
            sizes: H of every layer.
        """
        wanted = [(like.shape[0], size) for size in sizes]
        found = [((*drawn.shape,), drawn.device, drawn.dtype) for drawn in self._drawn]
        if found != [(shape, like.device, like.dtype) for shape in wanted]:
            source = torch.Generator().manual_seed(self.seed)
            uniform = [torch.rand(shape, generator=source, dtype=torch.float64) for shape in wanted]
            self._drawn = [((2 * drawn - 1) / drawn.shape[1] ** 0.5).to(like) for drawn in uniform]
        return self._drawn

    def told(self, behind: ReadoutGradient, number: int) -> Tensor:
        """With random feedback, (B, O), the gradient by the outputs."""
        if self.feedback == "symmetric":
            return super().told(behind, number)
        if behind.errors is None:
            raise BadInput(
                "EProp with feedback=random tells units of the errors at the outputs, which are not known "
                "apart with readout_dropout, hooks on the readout, weights of steps, autocast, or a loss "
                "without slopes; leave these out, or set feedback: symmetric"
            )
        return behind.errors[:, number]

    def signals(self, step: TracedStep, dout: Tensor) -> list[Tensor]:
        if self.feedback == "symmetric":
            return super().signals(step, dout)
        sizes = [layer.by_product.shape[3] for layer in step.layers]
        return [dout @ weights for weights in self.feedback_weights(dout[0], sizes)]

    def retained(self, layer: TracedLayer) -> Tensor | None:
        return layer.own

    def credit_matrix(self, steps: int) -> Tensor:
        raise NoCreditMatrix(
            "EProp charges earlier steps through what a unit keeps past its recurrent weights, a share of "
            "the credit that is no number: it has no credit matrix"
        )
