"""An LSTM with fewer outputs than memory cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from elman.cores._memory import MemoryCell
from elman.tree import Carry


class ProjectedLSTM(MemoryCell):
    """An `LSTM` whose output is a projection of its memory: many cells, few of the costly recurrent weights.

    i, f, o = sigmoid(W h_{t-1} + U x_t + b), each with its own W, U, b;
    g = tanh(W h_{t-1} + U x_t + b);  c_t = f c_{t-1} + i g;  h_t = V (o tanh(c_t)).

    V is `weight_hr`, (P, H). The carry is (h, c), (B, L, P) and (B, L, H).

    Args:
        proj_size: P, also `output_size`; None: half of H.

    Raises:
        ValueError: if `proj_size` is not between 1 and H - 1.

    Source: Sak, Senior & Beaufays (2014), arXiv 1402.1128; as in torch's `proj_size`.
    Differs: there are neither peepholes nor a second, non-recurrent projection; layers, dropout and residual
        sums are added; gates lie in the order i, f, g, o; b is the sum of two biases.
    """

    gates, carry_parts = 4, 2

    proj_size: int | None = None

    def __post_init__(self) -> None:
        size = self.hidden_size // 2 if self.proj_size is None else self.proj_size
        if self.hidden_size > 0 and not 1 <= size < self.hidden_size:
            raise ValueError(
                f"proj_size counts outputs and must be between 1 and hidden_size - 1, got proj_size={size}, "
                f"hidden_size={self.hidden_size}; LSTM projects nothing"
            )
        self.projected = size
        super().__post_init__()

    def carry_sizes(self) -> tuple[int, ...]:
        return self.projected, self.hidden_size

    def shapes(self, input_size: int) -> Mapping[str, tuple[int, ...]]:
        rows = 4 * self.hidden_size
        return {
            "weight_ih": (rows, input_size),
            "weight_hh": (rows, self.projected),
            "bias_ih": (rows,),
            "bias_hh": (rows,),
            "weight_hr": (self.projected, self.hidden_size),
        }

    def step(self, drive: Tensor, carry: Carry, weights: Any) -> tuple[Tensor, Carry]:
        h, c = carry
        i, f, g, o = (drive + F.linear(h, weights.weight_hh)).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = F.linear(torch.sigmoid(o) * torch.tanh(c), weights.weight_hr)
        return h, (h, c)

    def open_gates(self, drive: Tensor, carry: Carry, weights: Any) -> Mapping[str, Tensor]:
        i, f, _, o = (drive + F.linear(carry[0], weights.weight_hh)).chunk(4, 1)
        return {"input": torch.sigmoid(i), "forget": torch.sigmoid(f), "output": torch.sigmoid(o)}

    def fused(self) -> Callable[..., nn.Module]:
        return partial(nn.LSTM, proj_size=self.projected)
