"""An LSTM with normalised sums."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from elman.cores._memory import MemoryCell
from elman.tree import Carry


class LayerNormLSTM(MemoryCell):
    """An `LSTM` in which what gates read and what the memory shows keep their size, in every row and step.

    (i, f, g, o) = N(W h_{t-1}; gain_hh) + N(U x_t; gain_ih) + b;
    c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(g);  h_t = sigmoid(o) tanh(N(c_t; gain_c) + bias_c),
    N(v; gain) = gain (v - mean v) / sqrt(var v + 1e-5), over all four gates at once, over the units of c_t.

    Gains begin at 1. The carry is (h, c), each (B, L, H).

    Cost: the loop alone runs it.

    Source: Ba, Kiros & Hinton (2016), arXiv 1607.06450, supplementary material, the LSTM.
    Differs: the two normalised sums have no biases of their own, which would add to b; layers, dropout and
        residual sums are added; gates lie in the order i, f, g, o.
    """

    gates, carry_parts = 4, 2

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, weight in self.stack.named_parameters():
            if "gain" in name:
                torch.nn.init.ones_(weight)

    def shapes(self, input_size: int) -> Mapping[str, tuple[int, ...]]:
        hidden = self.hidden_size
        rows = 4 * hidden
        return {
            "weight_ih": (rows, input_size),
            "weight_hh": (rows, hidden),
            "bias": (rows,),
            "gain_ih": (rows,),
            "gain_hh": (rows,),
            "gain_c": (hidden,),
            "bias_c": (hidden,),
        }

    def drive(self, x: Tensor, weights: Any) -> Tensor:
        read = F.linear(x, weights.weight_ih)
        return F.layer_norm(read, read.shape[-1:], weights.gain_ih, weights.bias)

    def step(self, drive: Tensor, carry: Carry, weights: Any) -> tuple[Tensor, Carry]:
        i, f, g, o = self._sums(drive, carry, weights)
        c = torch.sigmoid(f) * carry[1] + torch.sigmoid(i) * torch.tanh(g)
        shown = F.layer_norm(c, c.shape[-1:], weights.gain_c, weights.bias_c)
        h = torch.sigmoid(o) * torch.tanh(shown)
        return h, (h, c)

    def _sums(self, drive: Tensor, carry: Carry, weights: Any) -> tuple[Tensor, ...]:
        read = F.linear(carry[0], weights.weight_hh)
        return (drive + F.layer_norm(read, read.shape[-1:], weights.gain_hh)).chunk(4, 1)

    def open_gates(self, drive: Tensor, carry: Carry, weights: Any) -> Mapping[str, Tensor]:
        i, f, _, o = self._sums(drive, carry, weights)
        return {"input": torch.sigmoid(i), "forget": torch.sigmoid(f), "output": torch.sigmoid(o)}
