"""Every core against its equations, one row at a time; its first values; what it refuses."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import torch
from core_rows import CORES, EXACT, LENGTHS, B, F, H, Row, T, build, gradients, inputs, weighted
from pairwise import pairs

from elman.cores import LSTM, Cell, Elman, FeedForward
from elman.cores.layered import Layered

pytestmark = pytest.mark.filterwarnings("error")

WRITTEN = [row for row in CORES if row.equations is not None]
RECURRENT = [row for row in CORES if issubclass(row.core, Cell)]
FUSED = [row for row in RECURRENT if row.make().fused() is not None]

every_recurrent_core = pytest.mark.parametrize("row", RECURRENT, ids=str)
every_depth = pytest.mark.parametrize("layers", [1, 2, 3])
plain_and_residual = pytest.mark.parametrize("residual", [False, True], ids=["plain", "residual"])
SOME_LENGTHS = {
    "none": None,
    "full": torch.full((B,), T),
    "ragged": LENGTHS,
    "all-short": LENGTHS.clamp(max=5),
}


def by_equations(step, core, x, carry, lengths):
    """(out, carry) from the core's parameters alone, one row, one step, one layer at a time."""
    parameters = list(core.parameters())  # layer by layer: weight_ih, weight_hh, bias_ih, bias_hh
    per_layer = len(parameters) // core.layers
    outs, ends = [], []
    for b in range(len(x)):
        memories = [tuple(leaf[b, layer] for leaf in carry) for layer in range(core.layers)]
        steps = []
        for t in range(x.shape[1]):
            if t >= lengths[b]:
                steps.append(x.new_zeros(core.output_size))
                continue
            out = x[b, t]
            for layer in range(core.layers):
                weights = parameters[layer * per_layer : (layer + 1) * per_layer]
                h, memories[layer] = step(out, memories[layer], weights)
                out = h + out if core.residual and layer > 0 else h
            steps.append(out)
        outs.append(torch.stack(steps))
        ends.append(memories)
    end = tuple(
        torch.stack([torch.stack([memory[leaf] for memory in memories]) for memories in ends])
        for leaf in range(len(carry))
    )
    return torch.stack(outs), end


@pytest.mark.parametrize(
    ("row", "layers", "residual", "length"), pairs(WRITTEN, [1, 2, 3], [False, True], SOME_LENGTHS), ids=str
)
def test_equals_the_equations(row, layers, residual, length):
    lengths = SOME_LENGTHS[length]
    core = build(row, layers=layers, residual=residual)
    x, carry = inputs(core)
    got = core(x, carry, lengths)
    expected = by_equations(
        row.equations, core, x, carry, torch.full((B,), T) if lengths is None else lengths
    )
    assert got[0].shape == (B, T, core.output_size)
    torch.testing.assert_close(got, expected, **EXACT)
    torch.testing.assert_close(
        gradients(weighted(*got), core, x, carry), gradients(weighted(*expected), core, x, carry), **EXACT
    )


@plain_and_residual
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu", "sigmoid"])
def test_feed_forward_is_elman_without_recurrence(residual, nonlinearity):
    elman_core = build(Row(Elman, {"nonlinearity": nonlinearity}), layers=2, residual=residual)
    core = build(Row(FeedForward, {"nonlinearity": nonlinearity}), layers=2, residual=residual)
    weights = list(elman_core.parameters())
    with torch.no_grad():
        for layer, part in enumerate(core.parts):
            w_ih, w_hh, b_ih, b_hh = weights[4 * layer : 4 * layer + 4]
            w_hh.zero_()
            part.weight.copy_(w_ih)
            part.bias.copy_(b_ih + b_hh)
    x, carry = inputs(elman_core)
    torch.testing.assert_close(core(x, (), LENGTHS)[0], elman_core(x, carry, LENGTHS)[0], **EXACT)


@pytest.mark.parametrize(
    ("row", "layers", "residual", "length"), pairs(FUSED, [1, 2, 3], [False, True], SOME_LENGTHS), ids=str
)
def test_the_step_in_a_loop_equals_the_fused_kernel(row, layers, residual, length):
    lengths = SOME_LENGTHS[length]
    fused, core = (
        build(Row(row.core, {**row.options, "kernel": kernel}), layers=layers, residual=residual)
        for kernel in ("fused", "loop")
    )
    with torch.no_grad():
        for mine, its in zip(core.parameters(), fused.parameters(), strict=True):
            mine.copy_(its)
    x, carry = inputs(core)
    got, expected = core(x, carry, lengths), fused(x, carry, lengths)
    torch.testing.assert_close(got, expected, **EXACT)
    torch.testing.assert_close(
        gradients(weighted(*got), core, x, carry), gradients(weighted(*expected), fused, x, carry), **EXACT
    )


@pytest.mark.parametrize("row", [row for row in RECURRENT if row.reads_all_units], ids=str)
@every_depth
@plain_and_residual
def test_orthogonal_start(row, layers, residual):
    core = row.make(hidden_size=H, layers=layers, residual=residual, init="orthogonal", **row.plain)
    seen = Counter()
    for name, parameter in core.named_parameters():
        for gate in parameter.detach().split(H):
            if "weight_hh" in name:
                # float32, in which torch draws weights by default; fewer columns than rows in a projection
                torch.testing.assert_close(gate.T @ gate, torch.eye(gate.shape[1]), rtol=0, atol=1e-5)
                seen["recurrent"] += 1
            elif parameter.dim() > 1:
                assert 0 < gate.abs().max() <= math.sqrt(6 / sum(gate.shape))
            elif "bias" in name:
                assert not gate.any()
    assert seen["recurrent"] == layers * row.core.gates


@every_recurrent_core
@plain_and_residual
def test_torch_start(row, residual):
    core = row.make(hidden_size=64, layers=2, residual=residual, init="torch", **row.plain)
    for name, parameter in core.named_parameters():
        largest = parameter.abs().max().item()
        assert 0.8 / 8 < largest <= 1 / 8 or name.rpartition(".")[2].removesuffix("_l0") in row.own


@every_recurrent_core
def test_uniform_start(row):
    """The bound is that of the whole matrix, gates and all: 3 gates of 64 units read 192 sums."""
    core = row.make(hidden_size=64, layers=2, init="uniform", **row.plain)
    for name, parameter in core.named_parameters():
        largest = parameter.abs().max().item()
        if "bias" in name:
            assert largest == 0
        elif parameter.dim() > 1:
            bound = math.sqrt(3 / max(parameter.shape))
            assert 0.8 * bound < largest <= bound


def test_what_init_does_not_know_keeps_the_first_values_of_torch():
    """A vector that is no bias, as in a cell of a user's own."""
    (row,) = (row for row in CORES if row.core.__name__ == "Independent")
    core = row.make(hidden_size=64)
    first = dict(core.stack.parts[0].named_parameters())
    assert 0.8 / 8 < first["weight_hh_l0"].abs().max() <= 1 / 8
    assert not first["bias_l0"].any()


@every_depth
@plain_and_residual
@pytest.mark.parametrize("init", ["torch", "orthogonal"])
@pytest.mark.parametrize("forget_bias", [1.0, -2.5, 0.0, None])
def test_forget_bias(layers, residual, init, forget_bias):
    core = LSTM(F, hidden_size=H, layers=layers, residual=residual, init=init, forget_bias=forget_bias)
    biases = [parameter for name, parameter in core.named_parameters() if "bias" in name]
    assert len(biases) == 2 * layers
    for b_ih, b_hh in zip(biases[::2], biases[1::2], strict=True):
        _, forget, _, _ = (b_ih + b_hh).split(H)  # i, f, g, o
        if forget_bias is not None:
            assert forget.tolist() == [forget_bias] * H
        elif init == "orthogonal":
            assert not forget.any()
        else:
            assert len(set(forget.tolist())) == H
        others = torch.cat([part for k, part in enumerate((b_ih + b_hh).split(H)) if k != 1])
        assert others.any() == (init == "torch")


@pytest.mark.parametrize(
    ("cls", "options", "message"),
    [
        *[
            (cls, options, message)
            for cls in dict.fromkeys(row.core for row in CORES if issubclass(row.core, Layered))
            for options, message in [
                (
                    {"input_size": 0},
                    "input_size counts features of a step and must be at least 1, got input_size=0",
                ),
                (
                    {"hidden_size": 0},
                    "hidden_size counts units of a layer and must be at least 1, got hidden_size=0",
                ),
                ({"layers": -1}, "layers counts layers and must be at least 1, got layers=-1"),
                ({"dropout": 1.0}, "needs 0 <= dropout < 1, got dropout=1.0"),
                ({"dropout": -0.1}, "needs 0 <= dropout < 1, got dropout=-0.1"),
                ({"dropout": math.nan}, "got dropout=nan"),
            ]
        ],
        *[
            (cls, {"init": "xavier"}, "init must be 'torch', 'orthogonal' or 'uniform', got 'xavier'")
            for cls in dict.fromkeys(row.core for row in RECURRENT)
        ],
        *[
            (cls, {"nonlinearity": "gelu"}, "nonlinearity must be 'tanh', 'relu' or 'sigmoid', got 'gelu'")
            for cls in (Elman, FeedForward)
        ],
        (LSTM, {"forget_bias": math.inf}, "forget_bias must be a finite number, got forget_bias=inf"),
        (LSTM, {"forget_bias": math.nan}, "forget_bias must be a finite number, got forget_bias=nan"),
    ],
)
def test_impossible_values_are_refused(cls, options, message):
    with pytest.raises(ValueError, match=".*" + message.replace("(", "\\(")):
        cls(**{"input_size": F, **options})
