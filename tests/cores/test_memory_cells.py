"""Cells of the LSTM's and the GRU's kind where they must equal something known; their first values."""

from __future__ import annotations

import math

import pytest
import torch
from core_rows import EXACT, B, F, H, T, gradients, inputs, weighted
from torch import Tensor

from elman.cores import (
    GRU,
    LSTM,
    Cell,
    CoupledLSTM,
    Elman,
    LayerNormLSTM,
    OriginalGRU,
    PeepholeLSTM,
    ProjectedLSTM,
)
from elman.cores.kernels import kernels_of

FAMILY = (LSTM, PeepholeLSTM, CoupledLSTM, LayerNormLSTM, ProjectedLSTM)


def built(kind: type[Cell], **options) -> Cell:
    torch.manual_seed(1)
    core = kind(F, hidden_size=H, **options).double()
    for parameter in core.parameters():
        parameter.data.uniform_(-0.8, 0.8)
    return core


def weights(core: Cell, layer: int = 0) -> dict[str, Tensor]:
    return {name: weight.data for name, weight in core.stack.weights_of(layer).items()}


def biases(core: Cell, layer: int) -> Tensor:
    """b of all gates, the sum of two where there are two."""
    found = weights(core, layer)
    return torch.stack([found[name] for name in ("bias", "bias_ih", "bias_hh") if name in found]).sum(0)


def ran(core: Cell) -> list[Tensor]:
    x, carry = inputs(core)
    out, end = core(x, carry)
    return [out, *end]


def scalar(kind: type[Cell], values: dict[str, list], h: float, c: float | None = None) -> list[float]:
    """One unit that reads 1: what it carries after a step."""
    core = kind(1, hidden_size=1).double()
    for name, weight in weights(core).items():
        weight.copy_(torch.tensor(values[name], dtype=torch.float64).view_as(weight))
    carry = tuple(torch.tensor([[[v]]], dtype=torch.float64) for v in (h, c) if v is not None)
    _, end = core(torch.ones(1, 1, 1, dtype=torch.float64), carry)
    return [leaf.item() for leaf in end]


def sigmoid(v: float) -> float:
    return 1 / (1 + math.exp(-v))


def test_original_gru_by_hand() -> None:
    """h = 1/2; r = 3/4 = sigmoid(ln 3), z = 1/4, n = tanh(0.1 + 2 (3/4 1/2) - 0.25) = tanh(0.6)."""
    ln3 = math.log(3)
    given = {"weight_ih": [ln3, 0, 0.1], "weight_hh": [0, -2 * ln3, 2], "bias": [0, 0, -0.25]}
    (h,) = scalar(OriginalGRU, given, 0.5)
    assert h == pytest.approx(0.75 * math.tanh(0.6) + 0.25 * 0.5, rel=1e-14)


def test_original_gru_equals_gru_where_nothing_is_hidden() -> None:
    """r = 1: both forms are one."""
    original, form = built(OriginalGRU, layers=2), built(GRU, layers=2, kernel="loop")
    for layer in range(2):
        mine, its = weights(original, layer), weights(form, layer)
        mine["bias"][:H], mine["weight_ih"][:H], mine["weight_hh"][:H] = 100, 0, 0
        for name in ("weight_ih", "weight_hh"):
            its[name].copy_(mine[name])
        its["bias_ih"].copy_(mine["bias"])
        its["bias_hh"].zero_()
    torch.testing.assert_close(ran(original), ran(form), **EXACT)


def test_peephole_by_hand() -> None:
    """h = 0, c = 2: i = sigmoid(2 0.5) = f, g = tanh(1), o = sigmoid(-c')."""
    given = {
        "weight_ih": [0, 0, 1, 0],
        "weight_hh": [0] * 4,
        "bias_ih": [0] * 4,
        "bias_hh": [0] * 4,
        "peephole": [0.5, 0.5, -1],
    }
    h, c = scalar(PeepholeLSTM, given, 0.0, 2.0)
    assert c == pytest.approx(sigmoid(1) * (2 + math.tanh(1)), rel=1e-14)
    assert h == pytest.approx(sigmoid(-c) * math.tanh(c), rel=1e-14)


def test_peephole_without_peepholes_is_an_lstm() -> None:
    core, lstm = built(PeepholeLSTM, layers=2), built(LSTM, layers=2)
    for layer in range(2):
        weights(core, layer)["peephole"].zero_()
        for name, weight in weights(lstm, layer).items():
            weight.copy_(weights(core, layer)[name])
    torch.testing.assert_close(ran(core), ran(lstm), **EXACT)


@pytest.mark.parametrize("kernel", ["loop", "scan", "native"])
def test_coupled_is_an_lstm_whose_input_gate_is_the_rest(kernel: str) -> None:
    """sigmoid(-a) = 1 - sigmoid(a): i reads what f reads, with the sign turned."""
    core, lstm = built(CoupledLSTM, layers=2, kernel=kernel), built(LSTM, layers=2, kernel="loop")
    for layer in range(2):
        for name, weight in weights(lstm, layer).items():
            f, g, o = weights(core, layer)[name].split(H)
            weight.copy_(torch.cat([-f, f, g, o]))
    torch.testing.assert_close(ran(core), ran(lstm), **EXACT)


def test_coupled_by_hand() -> None:
    """c = 2, f = 1/4, g = tanh(1), o = 1/2: c' = 1/2 + 3/4 tanh(1)."""
    given = {"weight_ih": [-math.log(3), 1, 0], "weight_hh": [0] * 3, "bias_ih": [0] * 3, "bias_hh": [0] * 3}
    h, c = scalar(CoupledLSTM, given, 0.3, 2.0)
    assert c == pytest.approx(0.5 + 0.75 * math.tanh(1), rel=1e-14)
    assert h == pytest.approx(0.5 * math.tanh(c), rel=1e-14)


def test_projected_by_hand() -> None:
    """Two cells, one output: c' = (1/2 tanh(1), 1/2 (1 + tanh(1))), h = 3 c-term - 1."""
    core = ProjectedLSTM(1, hidden_size=2).double()
    for weight in weights(core).values():
        weight.zero_()
    weights(core)["weight_ih"][4:6] = 1.0  # g
    weights(core)["weight_hr"].copy_(torch.tensor([[3.0, -1.0]]))
    carry = (torch.zeros(1, 1, 1, dtype=torch.float64), torch.tensor([[[0.0, 1.0]]], dtype=torch.float64))
    _, (h, c) = core(torch.ones(1, 1, 1, dtype=torch.float64), carry)
    expected = [0.5 * math.tanh(1), 0.5 * (1 + math.tanh(1))]
    assert c.flatten().tolist() == pytest.approx(expected, rel=1e-14)
    assert h.item() == pytest.approx(0.5 * (3 * math.tanh(expected[0]) - math.tanh(expected[1])), rel=1e-14)


def test_projected_is_torchs() -> None:
    """In values and gradients."""
    core = built(ProjectedLSTM, layers=2, proj_size=3)
    theirs = torch.nn.LSTM(F, H, num_layers=2, proj_size=3, batch_first=True).double()
    theirs.load_state_dict({name.rpartition(".")[2]: w for name, w in core.state_dict().items()})
    x, carry = inputs(core)
    out, end = core(x, carry)
    expected, ends = theirs(x, tuple(leaf.transpose(0, 1).contiguous() for leaf in carry))
    assert (core.output_size, out.shape) == (3, (B, T, 3))
    ends = tuple(leaf.transpose(0, 1) for leaf in ends)
    torch.testing.assert_close((out, end), (expected, ends), rtol=0, atol=0)
    mine = gradients(weighted(out, end), core, x, carry)
    torch.testing.assert_close(mine, gradients(weighted(expected, ends), theirs, x, carry), **EXACT)


def test_layer_norm_is_torchs_normalisation() -> None:
    """One step out of `torch.nn.LayerNorm`; a layer's sums may be scaled without any difference."""
    core = built(LayerNormLSTM)
    w = weights(core)
    x, (h, c) = inputs(core)
    norms = [torch.nn.LayerNorm(size).double() for size in (4 * H, 4 * H, H)]
    for norm, gain in zip(norms, ("gain_ih", "gain_hh", "gain_c"), strict=True):
        norm.weight.data.copy_(w[gain])
    norms[2].bias.data.copy_(w["bias_c"])
    sums = norms[0](x[:, 0] @ w["weight_ih"].T) + norms[1](h[:, 0] @ w["weight_hh"].T) + w["bias"]
    i, f, g, o = sums.chunk(4, 1)
    new = f.sigmoid() * c[:, 0] + i.sigmoid() * g.tanh()
    shown = o.sigmoid() * norms[2](new).tanh()
    out, (_, end) = core(x[:, :1], (h, c))
    torch.testing.assert_close([out[:, 0], end[:, 0]], [shown, new], **EXACT)
    w["weight_hh"].mul_(1e4)
    again, _ = core(x[:, :1], (h, c))
    torch.testing.assert_close(again, out, rtol=1e-4, atol=1e-4)  # but for the 1e-5 under the root


def test_identity_is_an_irnn() -> None:
    core = Elman(F, hidden_size=64, layers=2, nonlinearity="relu", identity=0.5)
    for layer in range(2):
        w = weights(core, layer)
        assert torch.equal(w["weight_hh"], 0.5 * torch.eye(64))
        assert not w["bias_ih"].any()
        assert not w["bias_hh"].any()
        assert 0.0008 < w["weight_ih"].std() < 0.0012
    keeps = Elman(F, hidden_size=H, nonlinearity="relu", identity=1.0)
    carry = (torch.rand(B, 1, H),)
    assert torch.equal(keeps(torch.zeros(B, 50, F), carry)[1][0], carry[0])


@pytest.mark.parametrize("kind", FAMILY)
def test_chrono_start(kind: type[Cell]) -> None:
    """u = e^b of the forget gate is uniform between 1 and T_max - 1, the input gate's b its opposite."""
    torch.manual_seed(0)
    core = kind(F, hidden_size=400, layers=2, chrono_steps=101)
    at = 0 if kind is CoupledLSTM else 1
    for layer in range(2):
        gates = biases(core, layer).view(core.gates, 400)
        u = gates[at].exp()
        assert 0.99 <= u.min() < 5
        assert 95 < u.max() <= 100.01
        assert abs(float(u.mean()) - 50.5) < 3 * 99 / 12**0.5 / 20
        others = [gate for number, gate in enumerate(gates) if number > at]
        assert not torch.stack(others).any()
        if kind is not CoupledLSTM:
            assert torch.equal(gates[0], -gates[1])


@pytest.mark.parametrize("kind", FAMILY)
def test_a_forget_bias_is_that_of_the_forget_gate(kind: type[Cell]) -> None:
    core = kind(F, hidden_size=4, layers=2, forget_bias=2.0)
    at = 0 if kind is CoupledLSTM else 1
    for layer in range(2):
        gates = biases(core, layer).view(core.gates, 4)
        assert [gate.tolist() for gate in gates] == [
            [2.0 * (number == at)] * 4 for number in range(core.gates)
        ]


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (Elman, {"identity": 1.0}, "identity=1.0 keeps what relu units hold, got nonlinearity='tanh'; set"),
        (Elman, {"identity": 0.0, "nonlinearity": "relu"}, "must be positive, got identity=0.0"),
        (
            Elman,
            {"identity": 1.0, "nonlinearity": "relu", "init": "torch"},
            "identity=1.0 and init='torch' both give weights their first values; leave one out",
        ),
        *[
            (kind, options, message)
            for kind in FAMILY
            for options, message in (
                ({"chrono_steps": 2}, "must be at least 3, got chrono_steps=2; null leaves"),
                (
                    {"chrono_steps": 9, "forget_bias": 2.0},
                    "forget_bias=2.0 and chrono_steps=9 both give the forget gate its first bias",
                ),
                ({"forget_bias": math.inf}, "forget_bias must be a finite number, got forget_bias=inf"),
            )
        ],
        (
            ProjectedLSTM,
            {"proj_size": 5, "hidden_size": 5},
            "got proj_size=5, hidden_size=5; LSTM projects",
        ),
        (ProjectedLSTM, {"proj_size": 0}, "between 1 and hidden_size - 1, got proj_size=0"),
        (ProjectedLSTM, {"hidden_size": 1}, "got proj_size=0, hidden_size=1"),
    ],
)
def test_bad_combinations_are_refused(kind: type[Cell], options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=f".*{message}"):
        kind(F, **options)


@pytest.mark.compiler
def test_the_kernel_that_each_takes() -> None:
    taken = {kind: kernels_of(kind(F))["stack"].kernel for kind in (*FAMILY, OriginalGRU)}
    assert taken == {
        LSTM: "native",
        CoupledLSTM: "native",
        ProjectedLSTM: "fused",
        PeepholeLSTM: "loop",
        LayerNormLSTM: "loop",
        OriginalGRU: "loop",
    }
