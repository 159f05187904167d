"""The minimal LSTM, whose gates do not see the memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from elman.cores._linear import AtOnce, Time, widened
from elman.cores._memory import MemoryCell
from elman.cores.pointwise import Pointwise, Slopes
from elman.tree import Carry


class MinLSTM(MemoryCell):
    """An LSTM without recurrent weights, whose two gates share out the whole.

    f, i = sigmoid(U x_t + b), n = U x_t + b, each with its own U, b;
    h_t = (f h_{t-1} + i n) / (f + i).

    So h is linear in itself, every unit on its own; layers mix them. The carry is (h,), (B, L, H).

    Cost: parallel: as `MinGRU`, with half as many weights again.

    Source: Feng, Tung, Ahmed, Bengio & Hajimirsadeghi (2024), arXiv 2410.01201, section 3.2.
    Differs: as `MinGRU`; gates lie in the order f, i, n.
    """

    gates, diagonal = 3, True
    forget_at, input_at = 0, 1

    def shapes(self, input_size: int) -> Mapping[str, tuple[int, ...]]:
        return {"weight_ih": (3 * self.hidden_size, input_size), "bias": (3 * self.hidden_size,)}

    def drive(self, x: Tensor, weights: Any) -> Tensor:
        return widened(F.linear(x, weights.weight_ih, weights.bias))

    def step(self, drive: Tensor, carry: Carry, weights: Any) -> tuple[Tensor, Carry]:
        keep, n = _shared(drive)
        h = torch.lerp(n, carry[0].to(n.dtype), keep)
        return h.to(weights.bias.dtype), (h,)

    def open_gates(self, drive: Tensor, carry: Carry, weights: Any) -> Mapping[str, Tensor]:
        return {"forget": _shared(drive)[0]}

    def pointwise(self) -> Pointwise:
        return _Units()

    def at_once(self) -> AtOnce:
        return AtOnce("parallel", self._all_steps)

    def _all_steps(self, x: Tensor, carry: Carry, weights: Any, time: Time) -> tuple[Tensor, Carry]:
        keep, n = _shared(self.drive(x, weights))
        h, end = time.recur(keep, n - keep * n, carry[0].to(n.dtype), time.begun(0))
        return h.to(weights.bias.dtype), (end,)


def _shared(drive: Tensor) -> tuple[Tensor, Tensor]:
    """f / (f + i), by logarithms, so that two shut gates share out all the same, and n."""
    f, i, n = drive.chunk(3, 1)
    return torch.sigmoid(F.logsigmoid(f) - F.logsigmoid(i)), n


class _Units(Pointwise):
    """With m = dL/dh_t and k = f / (f + i): dk = m (h_{t-1} - n), by f's sum k (1 - k) (1 - f) dk, by i's
    -k (1 - k) (1 - i) dk;  dn = m (1 - k);  dh_{t-1} = m k.
    """

    gates, joined = 3, 0

    def step(self, joined: Tensor, rest: Tensor, apart: Tensor, carry: Carry, new: Carry) -> None:
        keep, n = _shared(rest)
        torch.lerp(n, carry[0], keep, out=new[0])

    def slopes(self, joined: Tensor, rest: Tensor, apart: Tensor, *, before: Carry, after: Carry) -> Slopes:
        (keep, n), (f, i, _) = _shared(rest), rest.sigmoid().chunk(3, 1)
        by_keep = (before[0] - n) * keep * (1 - keep)
        drive = torch.stack([by_keep * (1 - f), by_keep * (i - 1), 1 - keep], 1)
        return Slopes(torch.zeros_like(drive), rest=drive, direct=keep)
