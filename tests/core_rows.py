"""Every core, a row each; the tables of tests/cores and tests/bptt read them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from core_equations import (
    H,
    coupled,
    elman,
    feed_forward,
    gru,
    indrnn,
    layer_norm,
    leaky,
    lru,
    lstm,
    min_gru,
    min_lstm,
    original_gru,
    peephole,
    projected,
    qrnn,
    sru,
)
from torch import Tensor
from torch.nn import functional as F_

from elman.cores import (
    GRU,
    LRU,
    LSTM,
    QRNN,
    SRU,
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
    MinGRU,
    MinLSTM,
    OriginalGRU,
    PeepholeLSTM,
    Pooled,
    ProjectedLSTM,
)

B, T, F = 4, 7, 3
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
        shows: its output is the first tensor of its carry.
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
    shows: bool = True
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
EIGENVALUES = ("nu_log", "theta_log", "gamma_log")
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
    Row(MinGRU, {}, min_gru, trained={}, rare=True),
    Row(MinGRU, {"kernel": "loop"}, min_gru),
    Row(MinLSTM, {}, min_lstm, plain=UNBIASED, trained={}, rare=True),
    Row(LRU, {}, lru, memory=2, shows=False, hides=True, own=EIGENVALUES, trained={}, rare=True),
    Row(QRNN, {}, qrnn(2), memory=2, shows=False, plain=UNBIASED, trained={}, rare=True),
    Row(QRNN, {"filter_width": 3}, qrnn(3), memory=3, shows=False, plain=UNBIASED),
    Row(SRU, {}, sru, shows=False, trained={"residual": True}, rare=True),
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
OFTEN = {row.core for row in TRAINED if not row.rare} | {QRNN}  # whose carry holds inputs
ONE_OF_EACH = list({row.core: row for row in reversed(TRAINED) if row.core in OFTEN}.values())[::-1]
"""For tables in which kernels, nonlinearities and gates, compared elsewhere, change nothing."""


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
