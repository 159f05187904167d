"""Every core, a row each; the tables of tests/cores and tests/bptt read them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F_

from elman.cores import (
    GRU,
    LSTM,
    Bidirectional,
    Cell,
    Centred,
    Core,
    CoupledLSTM,
    Elman,
    FeedForward,
    IndRNN,
    LayerNormLSTM,
    Leaky,
    OriginalGRU,
    PeepholeLSTM,
    Pooled,
    ProjectedLSTM,
)

B, T, F, H = 4, 7, 3, 5
LENGTHS = torch.tensor([3, 0, 7, 1])
EXACT = {"rtol": 1e-12, "atol": 1e-12}


@dataclass(frozen=True)
class Row:
    """A core and what the tables have to know of it.

    Args:
        core: its class.
        options: arguments beside the sizes; `core`, if there is one, is the core inside.
        equations: one step of one layer, written apart from the core: (x_t (F,), memory, weights) to
            (h_t, memory); None: the core has a file of its own that compares it with something.
        memory: tensors that a layer carries.
        sizes: numbers of a row in each of them; None: H in all.
        hides: an output may happen not to depend on a step it has read, as where units are dead.
        plain: options under which first values are those of `init` alone.
        own: weights, by their names in `shapes`, whose first values are the cell's own whatever `init`.
        trained: further options in the tables that train it; None: it is not in those.
        rare: in the dearest tables it meets few of what is there, since cores much like it meet all.
    """

    core: type[Core]
    options: dict[str, Any] = field(default_factory=dict)
    equations: Callable[..., tuple[Tensor, tuple[Tensor, ...]]] | None = None
    memory: int = 1
    sizes: tuple[int, ...] | None = None
    hides: bool = False
    plain: dict[str, Any] = field(default_factory=dict)
    own: tuple[str, ...] = ()
    trained: dict[str, Any] | None = None
    rare: bool = False

    @property
    def reads_all_units(self) -> bool:
        """Whether recurrent weights are matrices, as torch's are."""
        core = self.make()
        return isinstance(core, Cell) and len(core.shapes(F).get("weight_hh", ())) == 2

    def __str__(self) -> str:
        return "-".join(
            [self.core.__name__, *(getattr(v, "__name__", str(v)) for v in self.options.values())]
        )

    def make(self, input_size: int = F, **options: Any) -> Core:
        """The core; of `options`, those that it, or else the core inside it, takes."""
        fixed = dict(self.options)
        if "core" in fixed:
            inner = fixed["core"]
            fixed["core"] = partial(inner, **taken(inner, options))
            return self.core(input_size, **fixed)
        return self.core(input_size, **fixed, **taken(self.core, options))


def taken(make: Callable[..., Any], options: dict[str, Any]) -> dict[str, Any]:
    """Those of `options` that `make` takes."""
    parameters = inspect.signature(make).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return options
    return {name: value for name, value in options.items() if name in {p.name for p in parameters}}


def elman(phi: Callable[[Tensor], Tensor]) -> Callable:
    def step(x, memory, weights):
        w_ih, w_hh, b_ih, b_hh = weights
        h = phi(w_ih @ x + b_ih + w_hh @ memory[0] + b_hh)
        return h, (h,)

    return step


def indrnn(phi: Callable[[Tensor], Tensor]) -> Callable:
    def step(x, memory, weights):
        w_ih, w_hh, b_ih, b_hh = weights
        h = phi(w_ih @ x + b_ih + w_hh * memory[0] + b_hh)
        return h, (h,)

    return step


def leaky(phi: Callable[[Tensor], Tensor], rate: float) -> Callable:
    def step(x, memory, weights):
        w_ih, w_hh, b_ih, b_hh = weights
        (h,) = memory
        h = (1 - rate) * h + rate * phi(w_ih @ x + b_ih + w_hh @ h + b_hh)
        return h, (h,)

    return step


def lstm(x, memory, weights):
    w_ih, w_hh, b_ih, b_hh = weights
    h, c = memory
    i, f, g, o = (w_ih @ x + b_ih + w_hh @ h + b_hh).split(H)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    return h, (h, c)


def gru(x, memory, weights):
    w_ih, w_hh, b_ih, b_hh = weights
    (h,) = memory
    from_x, from_h = (w_ih @ x + b_ih).split(H), (w_hh @ h + b_hh).split(H)
    r, z = torch.sigmoid(from_x[0] + from_h[0]), torch.sigmoid(from_x[1] + from_h[1])
    n = torch.tanh(from_x[2] + r * from_h[2])
    h = (1 - z) * n + z * h
    return h, (h,)


def original_gru(x, memory, weights):
    (h,) = memory
    (u_r, u_z, u_n), (w_r, w_z, w_n), (b_r, b_z, b_n) = (leaf.split(H) for leaf in weights)
    r, z = torch.sigmoid(w_r @ h + u_r @ x + b_r), torch.sigmoid(w_z @ h + u_z @ x + b_z)
    h = (1 - z) * torch.tanh(u_n @ x + w_n @ (r * h) + b_n) + z * h
    return h, (h,)


def peephole(x, memory, weights):
    w_ih, w_hh, b_ih, b_hh, p = weights
    (h, c), (p_i, p_f, p_o) = memory, p.split(H)
    i, f, g, o = (w_ih @ x + b_ih + w_hh @ h + b_hh).split(H)
    c = torch.sigmoid(f + p_f * c) * c + torch.sigmoid(i + p_i * c) * torch.tanh(g)
    h = torch.sigmoid(o + p_o * c) * torch.tanh(c)
    return h, (h, c)


def coupled(x, memory, weights):
    w_ih, w_hh, b_ih, b_hh = weights
    h, c = memory
    f, g, o = (w_ih @ x + b_ih + w_hh @ h + b_hh).split(H)
    c = torch.sigmoid(f) * c + torch.sigmoid(-f) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    return h, (h, c)


def normalised(v, gain):
    centred = v - v.sum() / len(v)
    return gain * centred / torch.sqrt((centred * centred).sum() / len(v) + 1e-5)


def layer_norm(x, memory, weights):
    w_ih, w_hh, b, gain_ih, gain_hh, gain_c, bias_c = weights
    h, c = memory
    i, f, g, o = (normalised(w_hh @ h, gain_hh) + normalised(w_ih @ x, gain_ih) + b).split(H)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(normalised(c, gain_c) + bias_c)
    return h, (h, c)


def projected(x, memory, weights):
    w_ih, w_hh, b_ih, b_hh, w_hr = weights
    h, c = memory
    i, f, g, o = (w_ih @ x + b_ih + w_hh @ h + b_hh).split(H)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = w_hr @ (torch.sigmoid(o) * torch.tanh(c))
    return h, (h, c)


def feed_forward(phi: Callable[[Tensor], Tensor]) -> Callable:
    def step(x, memory, weights):
        weight, bias = weights
        return phi(weight @ x + bias), ()

    return step


class Independent(Cell):
    """Units that do not read one another, as a cell of a user's own: h_t = tanh(U x_t + b + u h_{t-1})."""

    def shapes(self, input_size):
        h = self.hidden_size
        return {"weight_ih": (h, input_size), "weight_hh": (h,), "bias": (h,)}

    def drive(self, x, weights):
        return F_.linear(x, weights.weight_ih, weights.bias)

    def step(self, drive, carry, weights):
        h = torch.tanh(drive + weights.weight_hh * carry[0])
        return h, (h,)


def independent(x, memory, weights):
    w_ih, w_hh, bias = weights
    h = torch.tanh(w_ih @ x + bias + w_hh * memory[0])
    return h, (h,)


def both_ways(input_size: int, **options: Any) -> Core:
    return Bidirectional(input_size, core=partial(GRU, **options))


UNBIASED = {"forget_bias": None}
GAINS = ("gain_ih", "gain_hh", "gain_c")
CORES = [
    Row(Elman, {"nonlinearity": "tanh"}, elman(torch.tanh), trained={}),
    Row(Elman, {"nonlinearity": "relu"}, elman(torch.relu), hides=True, trained={}),
    Row(Elman, {"nonlinearity": "sigmoid"}, elman(torch.sigmoid), trained={}),
    Row(Elman, {"kernel": "fused"}, elman(torch.tanh)),
    Row(Elman, {"kernel": "loop", "nonlinearity": "sigmoid"}, elman(torch.sigmoid)),
    Row(LSTM, {}, lstm, memory=2, plain=UNBIASED, trained={}),
    Row(LSTM, {"kernel": "native"}, lstm, memory=2, plain=UNBIASED, trained={}),
    Row(LSTM, {"kernel": "scan"}, lstm, memory=2, plain=UNBIASED, trained={}),
    Row(LSTM, {"kernel": "loop"}, lstm, memory=2, plain=UNBIASED),
    Row(GRU, {}, gru, trained={"residual": True}),
    Row(GRU, {"kernel": "fused"}, gru, trained={}),
    Row(GRU, {"kernel": "native"}, gru),
    Row(GRU, {"kernel": "loop"}, gru),
    Row(Independent, {}, independent),
    Row(IndRNN, {"nonlinearity": "tanh"}, indrnn(torch.tanh), plain={"most_recurrent": None}, trained={}),
    Row(Leaky, {"nonlinearity": "tanh", "rate": 0.3}, leaky(torch.tanh, 0.3), trained={}),
    Row(IndRNN, {"nonlinearity": "relu"}, indrnn(torch.relu), hides=True, plain={"most_recurrent": None}),
    Row(OriginalGRU, {}, original_gru, trained={}, rare=True),
    Row(PeepholeLSTM, {}, peephole, memory=2, plain=UNBIASED, trained={}, rare=True),
    Row(CoupledLSTM, {}, coupled, memory=2, plain=UNBIASED, trained={}, rare=True),
    Row(LayerNormLSTM, {}, layer_norm, memory=2, plain=UNBIASED, own=GAINS, trained={}, rare=True),
    Row(ProjectedLSTM, {}, projected, memory=2, sizes=(H // 2, H), plain=UNBIASED, trained={}, rare=True),
    Row(ProjectedLSTM, {"kernel": "loop"}, projected, memory=2, sizes=(H // 2, H), plain=UNBIASED),
    Row(FeedForward, {"nonlinearity": "tanh"}, feed_forward(torch.tanh), memory=0, trained={}),
    Row(FeedForward, {"nonlinearity": "relu"}, feed_forward(torch.relu), memory=0, hides=True),
    Row(FeedForward, {"nonlinearity": "sigmoid"}, feed_forward(torch.sigmoid), memory=0),
    Row(Pooled, {"core": LSTM, "how": "max"}, trained={}),
    Row(Pooled, {"core": Elman, "how": "mean"}),
    Row(Pooled, {"core": GRU, "how": "mean"}, trained={}),
    Row(Pooled, {"core": FeedForward, "how": "max"}, hides=True),
    Row(Bidirectional, {"core": LSTM}, trained={}),
    Row(Bidirectional, {"core": partial(Elman, nonlinearity="sigmoid")}),
    Row(Pooled, {"core": both_ways, "how": "mean"}),
    Row(Centred, {"core": LSTM, "prior": 2}),  # at 0 the first step would see nothing
    Row(Centred, {"core": GRU, "both": True, "prior": 2}, trained={}),
    Row(Centred, {"core": FeedForward, "both": True}, hides=True),
    Row(Centred, {"core": both_ways, "prior": 1}),
]
TRAINED = [row for row in CORES if row.trained is not None]
ONE_OF_EACH = list({row.core: row for row in reversed(TRAINED)}.values())[::-1]
"""For tables in which kernels and nonlinearities, compared with one another elsewhere, change nothing."""


def build(row: Row, *, dtype=torch.float64, **options) -> Core:
    """A core in which no parameter is zero, so that a forgotten bias shows."""
    torch.manual_seed(1)
    core = row.make(hidden_size=H, **options).to(dtype)
    with torch.no_grad():
        for parameter in core.parameters():
            parameter.uniform_(-0.8, 0.8)
    return core


def inputs(core, *, dtype=torch.float64, steps=T):
    """Values and a carry that is not zero, both leaves of the graph."""
    torch.manual_seed(2)
    x = torch.randn(B, steps, F, dtype=dtype, requires_grad=True)
    carry = tuple(torch.randn_like(leaf).requires_grad_() for leaf in core.initial_carry(B))
    return x, carry


def weighted(out, carry) -> Tensor:
    """A sum to differentiate in which every number returned has its own weight."""
    return sum((leaf * torch.arange(1, leaf.numel() + 1).view_as(leaf).cos()).sum() for leaf in (out, *carry))


def gradients(total, core, x, carry):
    leaves = [*core.parameters(), x, *carry]
    return torch.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True)
