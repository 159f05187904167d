"""Kronecker-factored real-time recurrent learning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from elman.bptt.online import Online, Traces, signs
from elman.cores.core import Core
from elman.cores.traced import TracedLayer, TracedStep

EPSILON = 1e-7


class KFRTRL(Online):
    """`RTRL`'s traces as Kronecker products, each a vector u of inputs and a matrix A; no bias, less noise.

    A layer's gates read z = (h_{t-1}, 1, x_t, 1) through its weights, so that I_t = z (x) D_t, D_t how the
    carry depends on what the gates read. With random signs c1 and c2, J as in `RTRL`, all of them of a row,

        u <- c1 p0 u + c2 p1 z;   A <- c1 J A / p0 + c2 D / p1;   E[u (x) A] = M
        p0^2 = |J A| / |u|,   p1^2 = |D| / |z|,   gradient = sum over t of u (x) ((dL_t/ds_t) A)

    Gates that read W h_{t-1} and U x_t apart, as in a GRU, make it two products a layer: of (h_{t-1}, 1) and
    of (x_t, 1). Signs come from torch's generator, whose state is in a checkpoint.

    Args:
        k1: steps from one update to the next, also over batch borders; the gradients of their losses add up.
        most_mib: largest size of the traces of all rows together, in MiB.

    Cost: in a layer of H units, about G^2 H^3 multiplications a step and row; P G H^2 + H + F + 2 numbers of
        memory, G gates, P tensors of carry; in a stack, for every pair of layers.

    Source: Mujika, Meier and Steger (2018), NeurIPS, algorithm 1.
    Differs: gates read apart, and stacks, in which every layer has a product of its own; 1e-7 is added to
        every norm.
    """

    credit_holds = "in expectation"

    def refuses(self, core: Core) -> str | None:
        if getattr(core, "diagonal", False):
            return f"the units of {type(core).__name__} do not read one another; DiagonalRTRL is exact there"
        return None

    def shapes(self, step: TracedStep) -> Sequence[tuple[int, ...]]:
        read = [z.shape[1:] for layer in step.layers for z, _ in _products(layer)]
        columns = sum(slope[0, 0].numel() for layer in step.layers for _, slope in _products(layer))
        carries = [(layer.by_product.shape[1], layer.by_product.shape[3]) for layer in step.layers]
        return [*((*carry, columns) for carry in carries), *map(tuple, read)]

    def advance(self, step: TracedStep, traces: Traces) -> Traces:
        count = len(step.layers)
        pushed = step.push(traces[:count])
        fresh = step.lift(list(_spread(step, traces[:count])))
        after, us, start = [torch.empty_like(part) for part in pushed], [], 0
        products = [product for layer in step.layers for product in _products(layer)]
        for u, (z, slope) in zip(traces[count:], products, strict=True):
            at = slice(start, start + slope[0, 0].numel())
            start = at.stop
            p0 = ((_norm(pushed, at) + EPSILON) / (u.norm(dim=1) + EPSILON)).sqrt()
            p1 = ((_norm(fresh, at) + EPSILON) / (z.norm(dim=1) + EPSILON)).sqrt()
            c1, c2 = signs(p0), signs(p1)
            us.append((c1 * p0)[:, None] * u + (c2 * p1)[:, None] * z)
            for new, old, own in zip(after, pushed, fresh, strict=True):
                torch.mul(old[..., at], (c1 / p0).view(-1, 1, 1, 1), out=new[..., at])
                new[..., at].addcmul_(own[..., at], (c2 / p1).view(-1, 1, 1, 1))
        return (*after, *us)

    def gradients(self, step: TracedStep, traces: Traces, dout: Tensor) -> list[Tensor]:
        count = len(step.layers)
        by_column = torch.einsum("bh,bhn->bn", dout, step.shown(traces[:count]))
        found, start, us = [], 0, iter(traces[count:])
        for layer in step.layers:
            parts = []
            for _, slope in _products(layer):
                stop = start + slope[0, 0].numel()
                parts.append((by_column[:, start:stop].t() @ next(us)).view(*slope.shape[2:], -1))
                start = stop
            found.append(torch.cat(parts, -1))
        return found

    def credit_matrix(self, steps: int) -> Tensor:
        """In expectation, over signs and with weights that do not move."""
        return torch.ones(steps, steps, dtype=torch.int64).tril()


def _products(layer: TracedLayer) -> list[tuple[Tensor, Tensor]]:
    """What is read, (B, K) each, and how the carry depends on what the gates make of it, (B, P, G, H)."""
    if layer.sums:
        return [(layer.read, layer.by_product)]
    of_h, of_x = layer.reads()
    return [(of_h, layer.by_product), (of_x, layer.by_drive)]


def _spread(step: TracedStep, like: Traces) -> Iterator[Tensor]:
    """Every layer's own D, (B, P, H, N), each slope in the column of its gate and unit."""
    start = 0
    for layer, trace in zip(step.layers, like, strict=True):
        own = torch.zeros_like(trace)
        for _, slope in _products(layer):
            stop = start + slope[0, 0].numel()
            columns = own[..., start:stop].unflatten(-1, slope.shape[2:])  # (B, P, H, G, H)
            columns.diagonal(dim1=2, dim2=4).copy_(slope)
            start = stop
        yield own


def _norm(parts: list[Tensor], at: slice) -> Tensor:
    """(B,), over some columns of all parts of a row."""
    return torch.stack([part[..., at].flatten(1).square().sum(1) for part in parts]).sum(0).sqrt()
