"""Long short-term memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from elman.cores._memory import MemoryCell
from elman.cores.pointwise import Pointwise, Slopes
from elman.tree import Carry


class LSTM(MemoryCell):
    """Gates decide what a memory cell takes in, keeps and shows.

    i, f, o = sigmoid(W h_{t-1} + U x_t + b), each with its own W, U, b;
    g = tanh(W h_{t-1} + U x_t + b);  c_t = f c_{t-1} + i g;  h_t = o tanh(c_t).

    The carry is (h, c), each (B, L, H).

    Source: Hochreiter & Schmidhuber (1997), Neural Computation 9(8); forget gate: Gers, Schmidhuber &
        Cummins (2000), Neural Computation 12(10); forget bias 1: Jozefowicz, Zaremba & Sutskever
        (2015), ICML.
    Differs: the gradient is exact, where the first paper cut it at the gates; layers, dropout and
        residual sums are added; as in torch, gates lie in the order i, f, g, o and b is the sum of two
        biases, of which one takes `forget_bias` and the other zero.
    """

    gates, carry_parts = 4, 2

    def step(self, drive: Tensor, carry: Carry, weights: Any) -> tuple[Tensor, Carry]:
        h, c = carry
        i, f, g, o = (drive + F.linear(h, weights.weight_hh)).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, (h, c)

    def open_gates(self, drive: Tensor, carry: Carry, weights: Any) -> Mapping[str, Tensor]:
        i, f, _, o = (drive + F.linear(carry[0], weights.weight_hh)).chunk(4, 1)
        return {"input": torch.sigmoid(i), "forget": torch.sigmoid(f), "output": torch.sigmoid(o)}

    def pointwise(self) -> Pointwise:
        return _Units()

    def fused(self) -> Callable[..., nn.Module]:
        return nn.LSTM


class _Units(Pointwise):
    """i, f and g act on h through c.

    With m = dL/dh_t: do = m tanh(c) o (1 - o);  dc += m o (1 - tanh(c)^2);  di = dc g i (1 - i);
    df = dc c_{t-1} f (1 - f);  dg = dc i (1 - g^2);  dc_{t-1} = f dc.
    """

    gates, joined, through_memory = 4, 4, 3
    native = "lstm"

    def step(self, joined: Tensor, rest: Tensor, apart: Tensor, carry: Carry, new: Carry) -> None:
        hidden = joined.shape[1] // 4
        i_f, g, o = joined.split([2 * hidden, hidden, hidden], 1)
        i, f = i_f.sigmoid_().chunk(2, 1)
        torch.mul(f, carry[1], out=new[1]).addcmul_(i, g.tanh_())
        torch.tanh(new[1], out=new[0]).mul_(o.sigmoid_())

    def slopes(self, joined: Tensor, rest: Tensor, apart: Tensor, *, before: Carry, after: Carry) -> Slopes:
        i, f, g, o = joined.chunk(4, 1)
        t = torch.tanh(after[1])
        product = t.new_empty(len(t), 4, t.shape[1])
        di, df, dg, do = product.unbind(1)
        torch.addcmul(i, i, i, value=-1, out=di).mul_(g)
        torch.addcmul(f, f, f, value=-1, out=df).mul_(before[1])
        torch.addcmul(t.new_ones(()), g, g, value=-1, out=dg).mul_(i)
        torch.addcmul(o, o, o, value=-1, out=do).mul_(t)
        shows = torch.addcmul(t.new_ones(()), t, t, value=-1).mul_(o)
        return Slopes(product, shows=shows, keeps=f)
