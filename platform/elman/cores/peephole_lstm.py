"""An LSTM whose gates see the memory cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from elman.cores._memory import MemoryCell
from elman.tree import Carry


class PeepholeLSTM(MemoryCell):
    """An `LSTM` whose gates read the memory that they guard, also while the output gate is shut.

    i, f = sigmoid(W h_{t-1} + U x_t + b + p c_{t-1}), each with its own W, U, b, p;
    g = tanh(W h_{t-1} + U x_t + b);  c_t = f c_{t-1} + i g;
    o = sigmoid(W h_{t-1} + U x_t + b + p c_t);  h_t = o tanh(c_t).

    p is one number a unit: a gate sees its own cell alone. The carry is (h, c), each (B, L, H).

    Cost: the loop alone runs it.

    Source: Gers, Schraudolph & Schmidhuber (2002), JMLR 3; the form is Graves (2013), arXiv
        1308.0850, equations 7 to 11.
    Differs: layers, dropout and residual sums are added; gates lie in the order i, f, g, o; b is the sum of
        two biases, and with p = 0 the weights are those of an `LSTM`.
    """

    gates, carry_parts = 4, 2

    def shapes(self, input_size: int) -> Mapping[str, tuple[int, ...]]:
        return {**super().shapes(input_size), "peephole": (3 * self.hidden_size,)}  # of i, f, o

    def step(self, drive: Tensor, carry: Carry, weights: Any) -> tuple[Tensor, Carry]:
        h, c = carry
        i, f, g, o = (drive + F.linear(h, weights.weight_hh)).chunk(4, 1)
        to_i, to_f, to_o = weights.peephole.chunk(3)
        c_new = torch.sigmoid(f + to_f * c) * c + torch.sigmoid(i + to_i * c) * torch.tanh(g)
        h = torch.sigmoid(o + to_o * c_new) * torch.tanh(c_new)
        return h, (h, c_new)

    def open_gates(self, drive: Tensor, carry: Carry, weights: Any) -> Mapping[str, Tensor]:
        i, f, _, o = (drive + F.linear(carry[0], weights.weight_hh)).chunk(4, 1)
        _, (_, new) = self.step(drive, carry, weights)
        seen = zip((i, f, o), weights.peephole.chunk(3), (carry[1], carry[1], new), strict=True)
        gates = (torch.sigmoid(gate + p * c) for gate, p, c in seen)
        return dict(zip(("input", "forget", "output"), gates, strict=True))
