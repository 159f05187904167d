"""Traces that a weight keeps of its own unit alone."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from torch import Tensor

from elman.bptt.online import Online, Traces
from elman.cores.traced import TracedLayer, TracedStep


class OwnTraces(Online):
    """How the carry of unit i depends on the weights that unit i reads with: (P, G, H, K) numbers a layer.

        E_t = D_t E_{t-1} + I_t,    gradient = sum over t of (dL_t/dh_t) E_t,

    D_t, (P, P) for every unit, is what a subclass says; dL_t/dh_t is that of the step's own loss, through the
    layers above at this step.
    """

    @abstractmethod
    def retained(self, layer: TracedLayer) -> Tensor | None:
        """D, (B, P, P, H), how a unit's carry depends on its own one step before; None: not at all."""

    def shapes(self, step: TracedStep) -> Sequence[tuple[int, ...]]:
        return [(*layer.by_product.shape[1:], layer.columns) for layer in step.layers]

    def advance(self, step: TracedStep, traces: Traces) -> Traces:
        after = []
        for layer, trace in zip(step.layers, traces, strict=True):
            new = layer.outer(layer.by_product, layer.by_drive)
            retained = self.retained(layer)
            if retained is not None:
                parts = range(trace.shape[1])
                for part in parts:
                    for other in parts:
                        new[:, part].addcmul_(trace[:, other], retained[:, part, other, None, :, None])
            after.append(new)
        return tuple(after)

    def gradients(self, step: TracedStep, traces: Traces, dout: Tensor) -> list[Tensor]:
        signals = self.signals(step, dout)  # einsum would copy the traces
        return [
            (trace[:, 0] * signal[:, None, :, None]).sum(0)
            for signal, trace in zip(signals, traces, strict=True)
        ]

    def signals(self, step: TracedStep, dout: Tensor) -> list[Tensor]:
        """(B, H) each, what every layer's h is told of the loss of this step."""
        return step.signals(dout)
