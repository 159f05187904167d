"""The linear recurrent unit: decaying rotations, and all that is not linear outside of time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from elman.cores._linear import AtOnce, Time, widened
from elman.cores.cell import Cell
from elman.cores.core import wide
from elman.tree import Carry


class LRU(Cell):
    """Every unit is a complex number that turns and fades at a rate of its own, whatever the input.

    s_t = lambda s_{t-1} + gamma (B x_t), lambda = exp(-exp(nu) + i exp(theta)), each one number a unit, so
    that |lambda| < 1 always;  y_t = gelu(Re(C s_t) + D x_t).

    The carry is (Re s, Im s), each (B, L, H): real tensors, as everything that a carry goes through
    expects. B is `weight_ih`, (2 H, F), real and imaginary parts in turn; `weight_out`, (H, 2 H), holds Re
    C and -Im C in turn, `weight_skip`, (H, F), is D; nu, theta and gamma are learned as logarithms.

    Args:
        r_min: the smallest |lambda| at first; lambda is uniform over the ring up to r_max.
        r_max: the largest; such a memory fades e-fold in about 1 / (1 - r_max) steps.
        max_phase: the largest angle of lambda at first, in radians a step; small ones suit long sequences.

    Raises:
        ValueError: if not 0 <= r_min < r_max < 1, or `max_phase` is not in (0, 2 pi].

    Cost: parallel: three products for all steps, then a step is one complex operation in place.

    Source: Orvieto et al. (2023), arXiv 2303.06349, sections 3.3 to 3.5 and appendix A.
    Differs: gelu at the output stands for the block around the unit, of which layers and residual sums are
        the rest, with no norm; D is a matrix, since x is not as wide as h; its matrices, B and C begin as
        `init` has it; r_max is not 1, where gamma would be 0.
    """

    gates, carry_parts = 2, 2

    r_min: float = 0.0
    r_max: float = 0.999
    max_phase: float = 2 * math.pi

    def __post_init__(self) -> None:
        if not 0 <= self.r_min < self.r_max < 1:
            raise ValueError(
                f"r_min and r_max bound |lambda| and need 0 <= r_min < r_max < 1, got r_min={self.r_min}, "
                f"r_max={self.r_max}"
            )
        if not 0 < self.max_phase <= 2 * math.pi:
            raise ValueError(
                f"max_phase is the largest angle of lambda, in (0, 2 pi], got max_phase={self.max_phase}"
            )
        super().__post_init__()
        for layer in range(self.layers):
            self._start(self.stack.weights_of(layer))

    @torch.no_grad()
    def _start(self, weights: dict[str, Tensor]) -> None:
        ring = torch.rand(self.hidden_size).clamp_(min=1e-6)  # 0 would be a unit without logarithm
        square = self.r_min**2 + ring * (self.r_max**2 - self.r_min**2)  # |lambda|^2
        weights["nu_log"].copy_((-0.5 * square.log()).log())
        angle = self.max_phase * torch.rand(self.hidden_size).clamp_(min=1e-6)
        weights["theta_log"].copy_(angle.log())
        weights["gamma_log"].copy_(0.5 * (1 - square).log())

    def shapes(self, input_size: int) -> Mapping[str, tuple[int, ...]]:
        hidden = self.hidden_size
        return {
            "weight_ih": (2 * hidden, input_size),
            "weight_out": (hidden, 2 * hidden),
            "weight_skip": (hidden, input_size),
            "nu_log": (hidden,),
            "theta_log": (hidden,),
            "gamma_log": (hidden,),
        }

    def drive(self, x: Tensor, weights: Any) -> Tensor:
        return torch.cat([self._taken_in(x, weights), F.linear(x, weights.weight_skip)], -1)

    def _taken_in(self, x: Tensor, weights: Any) -> Tensor:
        """gamma B x, (..., 2 H), real and imaginary parts in turn."""
        read = widened(F.linear(x, weights.weight_ih))
        return read * widened(weights.gamma_log).exp().repeat_interleave(2)

    def _shown(self, s: Tensor, skip: Tensor, weights: Any) -> Tensor:
        """y of s, (N, 2 H)."""
        kind = weights.weight_out.dtype
        return F.gelu(F.linear(s.to(kind), weights.weight_out) + skip).to(kind)

    def step(self, drive: Tensor, carry: Carry, weights: Any) -> tuple[Tensor, Carry]:
        taken_in, skip = drive.split([2 * self.hidden_size, self.hidden_size], 1)
        kind = wide(drive.dtype)
        (re, im), turn = (leaf.to(kind) for leaf in carry), _turn(weights)
        b_re, b_im = taken_in.to(kind).unflatten(1, (-1, 2)).unbind(2)
        re, im = turn.real * re - turn.imag * im + b_re, turn.real * im + turn.imag * re + b_im
        return self._shown(torch.stack([re, im], 2).flatten(1), skip, weights), (re, im)

    def at_once(self) -> AtOnce:
        return AtOnce("parallel", self._all_steps)

    def _all_steps(self, x: Tensor, carry: Carry, weights: Any, time: Time) -> tuple[Tensor, Carry]:
        taken_in = torch.view_as_complex(self._taken_in(x, weights).unflatten(1, (-1, 2)))
        start, first = _as_complex(carry), _as_complex(time.first) if time.first else None
        s, end = time.recur(_turn(weights), taken_in, start, first)
        skip = F.linear(x, weights.weight_skip)
        return self._shown(torch.view_as_real(s).flatten(1), skip, weights), (end.real, end.imag)


def _turn(weights: Any) -> Tensor:
    """lambda, (H,)."""
    return torch.polar(torch.exp(-widened(weights.nu_log).exp()), widened(weights.theta_log).exp())


def _as_complex(carry: Carry) -> Tensor:
    return torch.complex(*(leaf.to(wide(leaf.dtype)) for leaf in carry))
