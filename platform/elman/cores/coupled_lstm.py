"""An LSTM that takes in as much as it forgets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from elman.cores._memory import MemoryCell
from elman.cores.pointwise import Pointwise, Slopes
from elman.tree import Carry


class CoupledLSTM(MemoryCell):
    """An `LSTM` with i = 1 - f: a memory is a running mean, which never outgrows what it takes in.

    f, o = sigmoid(W h_{t-1} + U x_t + b), g = tanh(W h_{t-1} + U x_t + b), each with its own W, U, b;
    c_t = f c_{t-1} + (1 - f) g;  h_t = o tanh(c_t).

    The carry is (h, c), each (B, L, H).

    Cost: three quarters of an LSTM's weights and products.

    Source: Greff, Srivastava, Koutnik, Steunebrink & Schmidhuber (2017), arXiv 1503.04069, variant CIFG.
    Differs: there are no peepholes; layers, dropout and residual sums are added; gates lie in the order
        f, g, o; b is the sum of two biases.
    """

    gates, carry_parts = 3, 2
    forget_at, input_at = 0, None

    def step(self, drive: Tensor, carry: Carry, weights: Any) -> tuple[Tensor, Carry]:
        h, c = carry
        f, g, o = (drive + F.linear(h, weights.weight_hh)).chunk(3, 1)
        f = torch.sigmoid(f)
        c = f * c + (1 - f) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, (h, c)

    def open_gates(self, drive: Tensor, carry: Carry, weights: Any) -> Mapping[str, Tensor]:
        f, _, o = (drive + F.linear(carry[0], weights.weight_hh)).chunk(3, 1)
        return {"forget": torch.sigmoid(f), "output": torch.sigmoid(o)}

    def pointwise(self) -> Pointwise:
        return _Units()


class _Units(Pointwise):
    """f and g act on h through c.

    With m = dL/dh_t: do = m tanh(c) o (1 - o);  dc += m o (1 - tanh(c)^2);  df = dc (c_{t-1} - g) f (1 - f);
    dg = dc (1 - f)(1 - g^2);  dc_{t-1} = f dc.
    """

    gates, joined, through_memory = 3, 3, 2
    native = "coupled"

    def step(self, joined: Tensor, rest: Tensor, apart: Tensor, carry: Carry, new: Carry) -> None:
        f, g, o = joined.chunk(3, 1)
        torch.lerp(g.tanh_(), carry[1], f.sigmoid_(), out=new[1])
        torch.tanh(new[1], out=new[0]).mul_(o.sigmoid_())

    def slopes(self, joined: Tensor, rest: Tensor, apart: Tensor, *, before: Carry, after: Carry) -> Slopes:
        f, g, o = joined.chunk(3, 1)
        t = torch.tanh(after[1])
        product = t.new_empty(len(t), 3, t.shape[1])
        df, dg, do = product.unbind(1)
        torch.addcmul(f, f, f, value=-1, out=df).mul_(before[1] - g)
        torch.addcmul(t.new_ones(()), g, g, value=-1, out=dg).mul_(1 - f)
        torch.addcmul(o, o, o, value=-1, out=do).mul_(t)
        shows = torch.addcmul(t.new_ones(()), t, t, value=-1).mul_(o)
        return Slopes(product, shows=shows, keeps=f)
