"""Gated recurrent unit as it was first published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from elman.cores.cell import Cell
from elman.tree import Carry


class OriginalGRU(Cell):
    """A GRU whose reset gate hides the memory itself, before the product, rather than what the product gives.

    r, z = sigmoid(W h_{t-1} + U x_t + b), each with its own W, U, b;
    n = tanh(U x_t + W (r h_{t-1}) + b);  h_t = (1 - z) n + z h_{t-1}.

    The carry is (h,), (B, L, H).

    Cost: two products a step, of which the second waits for r; the loop alone runs it. `GRU` is the form that
        torch and cuDNN have, with one product, and learns alike.

    Source: Cho et al. (2014), arXiv 1406.1078, equations 5 to 8; Keras calls it `reset_after=False`.
    Differs: biases, layers, dropout and residual sums are added; gates lie in the order r, z, n. Weights of a
        `GRU` do not carry over.
    """

    gates = 3
    keeping_gate = "update"

    def shapes(self, input_size: int) -> Mapping[str, tuple[int, ...]]:
        rows = 3 * self.hidden_size
        return {"weight_ih": (rows, input_size), "weight_hh": (rows, self.hidden_size), "bias": (rows,)}

    def drive(self, x: Tensor, weights: Any) -> Tensor:
        return F.linear(x, weights.weight_ih, weights.bias)

    def step(self, drive: Tensor, carry: Carry, weights: Any) -> tuple[Tensor, Carry]:
        (h,), hidden = carry, self.hidden_size
        r, z = self._gates(drive, h, weights)
        n = torch.tanh(drive[:, 2 * hidden :] + F.linear(r * h, weights.weight_hh[2 * hidden :]))
        h = (1 - z) * n + z * h
        return h, (h,)

    def _gates(self, drive: Tensor, h: Tensor, weights: Any) -> tuple[Tensor, ...]:
        gated = 2 * self.hidden_size
        return torch.sigmoid(drive[:, :gated] + F.linear(h, weights.weight_hh[:gated])).chunk(2, 1)

    def open_gates(self, drive: Tensor, carry: Carry, weights: Any) -> Mapping[str, Tensor]:
        r, z = self._gates(drive, carry[0], weights)
        return {"reset": r, "update": z}
