"""Real-time recurrent learning."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from elman.bptt.online import Online, Traces
from elman.cores.traced import TracedStep


class RTRL(Online):
    """The whole gradient, made on the way forward: how all of the carry depends on every weight.

    With s_t the carries of all layers and J_t = ds_t/ds_{t-1},

        M_t = J_t M_{t-1} + I_t,    gradient = sum over t of (dL_t/ds_t) M_t,

    I_t the immediate dependence. Weights that do not move get the gradient of back-propagation through all of
    the past, over batch borders too; with an update in between, M is that of weights of a little before.

    Args:
        k1: steps from one update to the next, also over batch borders; the gradients of their losses add up.
        most_mib: largest size of the traces of all rows together, in MiB.

    Cost: in a layer of H units, about H^4 multiplications a step and row; P (G H) (H + F + 2) numbers of
        memory for each unit and row, P tensors of carry, G gates. For H of 64 at most.

    Source: Williams and Zipser (1989), Neural Computation 1(2).
    Differs: any cell that writes its derivatives, and stacks, in which a layer's carry depends on the weights
        of all layers below it.
    """

    def shapes(self, step: TracedStep) -> Sequence[tuple[int, ...]]:
        widths, total = [], 0
        for layer in step.layers:
            parts, gates, hidden = layer.by_product.shape[1:]
            total += gates * hidden * layer.columns
            widths.append((parts, hidden, total))  # the weights of this layer and of those below
        return widths

    def advance(self, step: TracedStep, traces: Traces) -> Traces:
        after: list[Tensor] = []
        below: Tensor | None = None
        for layer, trace in zip(step.layers, traces, strict=True):
            new = layer.past(trace)
            if below is not None:  # whose weights come first
                new[..., : below.shape[-1]] += layer.lift(below)
            gates, hidden = layer.by_product.shape[2:]
            immediate = layer.outer(layer.by_product, layer.by_drive)  # (B, P, G, H, K)
            own = new[..., -gates * hidden * layer.columns :].unflatten(-1, (gates, hidden, -1))
            own.diagonal(dim1=2, dim2=4).add_(immediate.permute(0, 1, 2, 4, 3))  # of (B, P, H, G, H, K)
            after.append(new)
            shown = new[:, 0]
            below = _sum(shown, below) if step.residual and below is not None else shown
        return tuple(after)

    def gradients(self, step: TracedStep, traces: Traces, dout: Tensor) -> list[Tensor]:
        total = dout.new_zeros(traces[-1].shape[-1])
        for trace in traces if step.residual else traces[-1:]:
            total[: trace.shape[-1]] += torch.einsum("bh,bhn->n", dout, trace[:, 0])
        sizes = [layer.by_product[0, 0].numel() * layer.columns for layer in step.layers]
        pieces = total.split(sizes)
        return [
            piece.view(*layer.by_product.shape[2:], -1)
            for piece, layer in zip(pieces, step.layers, strict=True)
        ]

    def credit_matrix(self, steps: int) -> Tensor:
        return torch.ones(steps, steps, dtype=torch.int64).tril()


def _sum(shown: Tensor, below: Tensor) -> Tensor:
    """Changes by the weights of some layers, with those by the weights of fewer layers added."""
    total = shown.clone()
    total[..., : below.shape[-1]] += below
    return total
