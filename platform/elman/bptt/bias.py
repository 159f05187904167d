"""How much of the gradient a truncation leaves out, by the gradients of one loss by earlier carries."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from elman.bptt.buffered_window import BufferedWindow, run
from elman.bptt.strategy import Objective
from elman.tree import Carry

ZERO = -50.0
"""Logarithm of what counts as no gradient at all."""


class Bias(NamedTuple):
    """An estimate.

    Args:
        relative: (n,), at place K - 1 the bias of gradients cut after K steps, relative to the whole one.
        decay: the factor by which gradients shrink from step to step.
    """

    relative: Tensor
    decay: float


def carry_gradients(objective: Objective, steps: BufferedWindow, carry: Carry, *, stretch: int) -> Tensor:
    """Gradients of the loss at the last step by the carries of the `stretch` steps before it.

    Only rows count that exist, and are one sequence, over the whole stretch, and whose last step is scored.

    Args:
        steps: what there is, from `carry` on; run forward up to the stretch.

    Returns:
        (1 + stretch, 1 + S): in column 0, the number of such rows, then for each k the sum over these rows of
        |dL_s/dh_{s-1-k}|; in the other columns, from row 1 on, the sum of dL_s/dh_{s-1-k} itself, where h is
        all that a carry holds, S values. So sums over ranks are those of all their rows.
    """
    size = sum(leaf[0].numel() for leaf in carry if leaf.is_floating_point())
    found = torch.zeros(1 + stretch, 1 + size, dtype=torch.float64, device=carry[0].device)
    start = steps.stop - stretch
    if start < steps.first:
        return found
    last = steps.stop - 1
    pieces = [piece for t in range(start, last + 1) for piece in steps.between(t, t + 1, score_from=last)]
    usable = pieces[-1].scored[:, 0].clone()
    for number, piece in enumerate(pieces):
        usable &= piece.lengths > 0
        if number:
            usable &= ~piece.begins[:, 0]
    if not bool(usable.any()):
        return found
    with torch.random.fork_rng([found.device] if found.is_cuda else []):
        with torch.no_grad():
            _, carry = run(objective, steps.between(steps.first, start), carry)
        with torch.enable_grad():
            carry = tuple(leaf.detach().requires_grad_(leaf.is_floating_point()) for leaf in carry)
            carries = []
            for piece in pieces:
                carries.append([leaf for leaf in carry if leaf.is_floating_point()])
                loss, carry = objective(piece, carry)
            leaves = [leaf for before in carries for leaf in before]
            grads = torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)
    chosen, each = usable.to(found.device), len(carries[0])
    found[0, 0] = usable.sum()
    for k in range(stretch):
        at = (stretch - 1 - k) * each
        of_rows = torch.cat([grad[chosen].flatten(1) for grad in grads[at : at + each]], 1).double()
        found[1 + k, 0], found[1 + k, 1:] = of_rows.norm(dim=1).sum(), of_rows.sum(0)
    return found


def relative_bias(norms: Tensor, sums: Tensor, *, tau: int) -> Bias:
    """The estimate of Aicher et al. from mean gradients by earlier carries.

    With phi_k the norms and G_k = |sum of the gradients up to k|,

        log beta = slope of log phi_k on k, by least squares
        err(K) = sum over k from K to tau of phi_k + phi_tau / (1 - beta)   for K < tau
                 phi_tau beta^(K - tau) / (1 - beta)                        for K >= tau
        rel(K) = err(K) / max over k of (G_k - err(k))

    Args:
        norms: (n,) phi_k, means over rows of |dL_s/dh_{s-1-k}|.
        sums: (n, S), means over rows of dL_s/dh_{s-1-k}.
        tau: where phi begins to fall as beta^k; less than n.

    Source: Aicher, Foti and Fox (2019), arXiv 1905.07473, and `adaptive_truncation.py` of their code, which
    counts phi_tau twice.
    Differs: beta >= 1 makes every bias infinite, also for K < tau, where that code has 1.
    """
    count = len(norms)
    k = torch.arange(count, dtype=torch.float64, device=norms.device)
    logs = (norms.double() + 1e-100).log()
    there = logs >= ZERO
    slope = 0.0
    if int(there.sum()) > 1:
        x, y = k[there] - k[there].mean(), logs[there] - logs[there].mean()
        slope = float((x * y).sum() / (x * x).sum())
    beta = math.exp(slope)
    last = norms[tau].double()
    error = torch.full((count + 1,), torch.inf, dtype=torch.float64, device=norms.device)  # by K, from 0 on
    gone = bool(logs[tau] < ZERO)
    if slope < 0 or gone:
        tail = last / (1 - beta) if slope < 0 else torch.zeros_like(last)
        remaining = norms[: tau + 1].double().flip(0).cumsum(0).flip(0)  # sum from K to tau
        error[:tau] = remaining[:tau] + tail
        error[tau:] = tail * beta ** (torch.arange(tau, count + 1, device=norms.device) - tau)
    whole = (sums.double().cumsum(0).norm(dim=1) - error[:count]).max()
    relative = error[1:] / whole if whole > 0 else torch.full_like(error[1:], torch.inf)
    return Bias(relative, beta)
