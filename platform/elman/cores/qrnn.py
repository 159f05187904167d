"""The quasi-recurrent network: gates from a convolution over the last inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from elman.cores._linear import AtOnce, Time, widened
from elman.cores._memory import MemoryCell
from elman.tree import Carry


class QRNN(MemoryCell):
    """An LSTM whose gates read the last inputs in place of the last output.

    z = tanh(U * x + b), f, o = sigmoid(U * x + b), each with its own U, b, where
    (U * x)_t = U_0 x_t + ... + U_{k-1} x_{t-k+1};  c_t = f c_{t-1} + (1 - f) z;  h_t = o c_t.

    So c is linear in itself, every unit on its own. U is `weight_ih`, (3 H, k F), U_0 first. The carry is c,
    (B, L, H), then the inputs of each layer at the last k - 1 steps, the latest first, (B, L, max(F, H))
    each,
    zero where a layer reads fewer numbers: rows go on in the next window as if it had not begun.

    Args:
        filter_width: k, steps whose inputs a step reads.

    Raises:
        ValueError: if `filter_width` is below 1.

    Cost: parallel: one product for the inputs of all steps and no other, then a step is one operation in
        place.

    Source: Bradbury, Merity, Xiong & Socher (2016), arXiv 1611.01576, equations 1 to 4 with fo-pooling.
    Differs: a first value of f's bias may be given; there is neither zoneout nor dense connections; layers,
        dropout and residual sums are added; gates lie in the order z, f, o.
    """

    gates = 3
    forget_at, input_at = 1, None

    filter_width: int = 2

    def __post_init__(self) -> None:
        if self.filter_width < 1:
            raise ValueError(
                f"filter_width counts steps that a step reads and must be at least 1, "
                f"got filter_width={self.filter_width}"
            )
        super().__post_init__()

    def carry_sizes(self) -> tuple[int, ...]:
        return self.hidden_size, *[max(self.input_size, self.hidden_size)] * (self.filter_width - 1)

    def shapes(self, input_size: int) -> Mapping[str, tuple[int, ...]]:
        rows = 3 * self.hidden_size
        return {"weight_ih": (rows, self.filter_width * input_size), "bias": (rows,)}

    def drive(self, x: Tensor, weights: Any) -> Tensor:
        now = weights.weight_ih[:, : x.shape[-1]]
        return torch.cat([F.linear(x, now, weights.bias), x], -1)

    def step(self, drive: Tensor, carry: Carry, weights: Any) -> tuple[Tensor, Carry]:
        z, keep, o = self._gates(drive, carry, weights)
        c = torch.lerp(z, carry[0].to(z.dtype), keep)
        x = drive[:, 3 * self.hidden_size :]
        reads = [x, *(tail[:, : x.shape[1]] for tail in carry[1:-1])]
        tails = (_padded(read, like) for read, like in zip(reads, carry[1:], strict=False))
        return (o * c).to(weights.bias.dtype), (c, *tails)

    def _gates(self, drive: Tensor, carry: Carry, weights: Any) -> tuple[Tensor, ...]:
        """z, f and o of one step."""
        by_now = drive[:, : 3 * self.hidden_size]
        earlier = weights.weight_ih.chunk(self.filter_width, 1)[1:]
        for tail, weight in zip(carry[1:], earlier, strict=True):
            by_now = by_now + F.linear(tail[:, : weight.shape[1]].to(weight.dtype), weight)
        return _opened(widened(by_now))

    def open_gates(self, drive: Tensor, carry: Carry, weights: Any) -> Mapping[str, Tensor]:
        _, keep, o = self._gates(drive, carry, weights)
        return {"forget": keep, "output": o}

    def at_once(self) -> AtOnce:
        return AtOnce("parallel", self._all_steps)

    def _all_steps(self, x: Tensor, carry: Carry, weights: Any, time: Time) -> tuple[Tensor, Carry]:
        width, reads, tails = x.shape[1], [x], []
        for part, tail in enumerate(carry[1:], 1):
            first = time.begun(part)
            first = None if first is None else first[:, :width]
            earlier, last = time.before(reads[-1], tail[:, :width], first)
            reads.append(earlier)
            tails.append(_padded(last, tail))
        z, keep, o = _opened(widened(F.linear(torch.cat(reads, 1), weights.weight_ih, weights.bias)))
        c, end = time.recur(keep, z - keep * z, carry[0].to(z.dtype), time.begun(0))
        return (o * c).to(weights.bias.dtype), (end, *tails)


def _opened(gates: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    z, keep, o = gates.chunk(3, 1)
    return torch.tanh(z), torch.sigmoid(keep), torch.sigmoid(o)


def _padded(x: Tensor, like: Tensor) -> Tensor:
    """(B, F) as wide as `like`, in its precision."""
    return F.pad(x.to(like.dtype), (0, like.shape[1] - x.shape[1]))
