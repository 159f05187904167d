"""Unbiased online recurrent optimisation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from elman.bptt.online import Online, Traces, signs
from elman.cores.traced import TracedStep

EPSILON = 1e-7


class UORO(Online):
    """`RTRL`'s traces as a product of two vectors, of which one is drawn: no bias, much noise.

    With nu_t random signs, one for every number of the carry, J and I as in `RTRL`, all of them of a row,

        s <- rho0 J s + rho1 nu;   theta <- theta / rho0 + nu' I / rho1;   E[s theta'] = M
        rho0^2 = |theta| / |J s|,   rho1^2 = |nu' I| / |nu|,   gradient = sum over t of (dL_t/ds_t . s) theta

    Signs come from torch's generator, whose state is in a checkpoint.

    Args:
        k1: steps from one update to the next, also over batch borders; the gradients of their losses add up.
        most_mib: largest size of the traces of all rows together, in MiB.

    Cost: about a forward and a backward pass of a step; one number a weight, and one a unit, of memory a row.

    Source: Tallec and Ollivier (2018), ICLR, algorithm 1.
    Differs: J s is exact, where theirs is a difference; 1e-7 is added to every norm.
    """

    credit_holds = "in expectation"

    def shapes(self, step: TracedStep) -> Sequence[tuple[int, ...]]:
        carries = [(layer.by_product.shape[1], layer.by_product.shape[3]) for layer in step.layers]
        return [*carries, *((*layer.by_product.shape[2:], layer.columns) for layer in step.layers)]

    def advance(self, step: TracedStep, traces: Traces) -> Traces:
        count = len(step.layers)
        s, theta = traces[:count], traces[count:]
        pushed = step.push(s)
        nu = [signs(part) for part in s]
        gates = [layer.by_gates(g) for layer, g in zip(step.layers, step.back(nu), strict=True)]
        immediate = _joint(
            [layer.outer_norm(*parts) for layer, parts in zip(step.layers, gates, strict=True)]
        )
        signs_norm = math.sqrt(sum(part.shape[1:].numel() for part in nu))
        rho0 = ((_norm(theta) + EPSILON) / (_norm(pushed) + EPSILON)).sqrt()
        rho1 = ((immediate + EPSILON) / (signs_norm + EPSILON)).sqrt()
        keeps, draws = rho0.view(-1, 1, 1), rho1.view(-1, 1, 1)
        after = [torch.addcmul(draws * sign, keeps, part) for part, sign in zip(pushed, nu, strict=True)]
        shrunk = rho0.reciprocal().view(-1, 1, 1, 1)
        for layer, (product, drive), old in zip(step.layers, gates, theta, strict=True):
            scaled = product / draws
            new = layer.outer(scaled, scaled if layer.sums else drive / draws)
            after.append(new.addcmul_(old, shrunk))
        return tuple(after)

    def gradients(self, step: TracedStep, traces: Traces, dout: Tensor) -> list[Tensor]:
        count = len(step.layers)
        share = (dout * step.shown(traces[:count])).sum(1)
        return [(share @ theta.flatten(1)).view(theta.shape[1:]) for theta in traces[count:]]

    def credit_matrix(self, steps: int) -> Tensor:
        """In expectation, over signs and with weights that do not move."""
        return torch.ones(steps, steps, dtype=torch.int64).tril()


def _norm(parts: tuple[Tensor, ...] | list[Tensor]) -> Tensor:
    """(B,), over all parts of a row."""
    return _joint([torch.linalg.vector_norm(part, dim=tuple(range(1, part.dim()))) for part in parts])


def _joint(norms: list[Tensor]) -> Tensor:
    """The norm of all parts from that of each."""
    return norms[0] if len(norms) == 1 else torch.linalg.vector_norm(torch.stack(norms), dim=0)
