"""Every core against its equations, one row at a time, and against its own promises."""

from __future__ import annotations

import copy
import inspect
import math
from collections import Counter
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

import elman.cores
from elman.cores import GRU, LSTM, Bidirectional, Centred, Core, Elman, FeedForward, Pooled

pytestmark = pytest.mark.filterwarnings("error")

B, T, F, H = 4, 7, 3, 5
LENGTHS = torch.tensor([3, 0, 7, 1])
EXACT = {"rtol": 1e-12, "atol": 1e-12}

CORES = [
    (Elman, {"nonlinearity": "tanh"}),
    (Elman, {"nonlinearity": "relu"}),
    (Elman, {"nonlinearity": "sigmoid"}),
    (LSTM, {}),
    (GRU, {}),
    (FeedForward, {"nonlinearity": "tanh"}),
    (FeedForward, {"nonlinearity": "relu"}),
    (FeedForward, {"nonlinearity": "sigmoid"}),
]
RECURRENT = [entry for entry in CORES if entry[0] is not FeedForward]


def both_ways(input_size, **options):
    return Bidirectional(input_size, core=partial(GRU, **options))


# Cores around cores: what every core promises holds for them; their own equations have files of their own.
WRAPPERS = [
    (Pooled, {"core": LSTM, "how": "max"}),
    (Pooled, {"core": Elman, "how": "mean"}),
    (Pooled, {"core": FeedForward, "how": "max"}),
    (Bidirectional, {"core": LSTM}),
    (Bidirectional, {"core": partial(Elman, nonlinearity="sigmoid")}),
    (Pooled, {"core": both_ways, "how": "mean"}),
    (Centred, {"core": LSTM, "prior": 2}),  # at 0 the first step would see nothing
    (Centred, {"core": GRU, "both": True}),
    (Centred, {"core": FeedForward, "both": True}),
    (Centred, {"core": both_ways, "prior": 1}),
]


def make(entry, **options) -> Core:
    """A core of H units, in its wrapper where it has one."""
    cls, fixed = entry
    if "core" not in fixed:
        return cls(F, hidden_size=H, **fixed, **options)
    return cls(F, **fixed | {"core": partial(fixed["core"], hidden_size=H, **options)})


def name_of(value):
    if isinstance(value, tuple):
        return "-".join([value[0].__name__, *(getattr(v, "__name__", str(v)) for v in value[1].values())])
    return None


every_plain_core = pytest.mark.parametrize("entry", CORES, ids=name_of)
every_core = pytest.mark.parametrize("entry", CORES + WRAPPERS, ids=name_of)
every_streaming_core = pytest.mark.parametrize(
    "entry", [entry for entry in CORES + WRAPPERS if make(entry).streams], ids=name_of
)
every_recurrent_core = pytest.mark.parametrize("entry", RECURRENT, ids=name_of)
every_depth = pytest.mark.parametrize("layers", [1, 2, 3])
plain_and_residual = pytest.mark.parametrize("residual", [False, True], ids=["plain", "residual"])


def build(entry, *, dtype=torch.float64, **options) -> Core:
    """A core in which no parameter is zero, so that a forgotten bias shows."""
    torch.manual_seed(1)
    core = make(entry, **options).to(dtype)
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


# The equations, for one row and one step of one layer: (x_t (F,), memory, weights) -> (h_t, memory).


def elman_step(phi):
    def step(x, memory, weights):
        w_ih, w_hh, b_ih, b_hh = weights
        h = phi(w_ih @ x + b_ih + w_hh @ memory[0] + b_hh)
        return h, (h,)

    return step


def lstm_step(x, memory, weights):
    w_ih, w_hh, b_ih, b_hh = weights
    h, c = memory
    i, f, g, o = (w_ih @ x + b_ih + w_hh @ h + b_hh).split(H)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    return h, (h, c)


def gru_step(x, memory, weights):
    w_ih, w_hh, b_ih, b_hh = weights
    (h,) = memory
    from_x, from_h = (w_ih @ x + b_ih).split(H), (w_hh @ h + b_hh).split(H)
    r, z = torch.sigmoid(from_x[0] + from_h[0]), torch.sigmoid(from_x[1] + from_h[1])
    n = torch.tanh(from_x[2] + r * from_h[2])
    h = (1 - z) * n + z * h
    return h, (h,)


def feed_forward_step(phi):
    def step(x, memory, weights):
        weight, bias = weights
        return phi(weight @ x + bias), ()

    return step


def by_equations(entry, core, x, carry, lengths):
    """(out, carry) from the core's parameters alone, one row, one step, one layer at a time."""
    cls, fixed = entry
    phi = {name: getattr(torch, name) for name in ("tanh", "relu", "sigmoid")}.get(fixed.get("nonlinearity"))
    step = {Elman: elman_step(phi), LSTM: lstm_step, GRU: gru_step, FeedForward: feed_forward_step(phi)}[cls]
    parameters = list(core.parameters())  # layer by layer: weight_ih, weight_hh, bias_ih, bias_hh
    per_layer = len(parameters) // core.layers
    outs, ends = [], []
    for b in range(len(x)):
        memories = [tuple(leaf[b, layer] for leaf in carry) for layer in range(core.layers)]
        row = []
        for t in range(x.shape[1]):
            if t >= lengths[b]:
                row.append(x.new_zeros(H))
                continue
            out = x[b, t]
            for layer in range(core.layers):
                weights = parameters[layer * per_layer : (layer + 1) * per_layer]
                h, memories[layer] = step(out, memories[layer], weights)
                out = h + out if residual_of(core) and layer > 0 else h
            row.append(out)
        outs.append(torch.stack(row))
        ends.append(memories)
    end = tuple(
        torch.stack([torch.stack([memory[leaf] for memory in memories]) for memories in ends])
        for leaf in range(len(carry))
    )
    return torch.stack(outs), end


def residual_of(core) -> bool:
    return core.residual if isinstance(core, FeedForward) else core.stack.residual


def test_no_core_is_left_out():
    public = {getattr(elman.cores, name) for name in elman.cores.__all__}
    assert {cls for cls, _ in CORES + WRAPPERS} == {cls for cls in public if not inspect.isabstract(cls)}
    for cls, choices in [(Elman, 3), (FeedForward, 3)]:
        assert sum(entry[0] is cls for entry in CORES) == choices


@every_plain_core
@every_depth
@plain_and_residual
@pytest.mark.parametrize(
    "lengths",
    [None, torch.full((B,), T), LENGTHS, LENGTHS.clamp(max=5)],
    ids=["none", "full", "ragged", "all-short"],
)
def test_equals_the_equations(entry, layers, residual, lengths):
    core = build(entry, layers=layers, residual=residual)
    x, carry = inputs(core)
    got = core(x, carry, lengths)
    expected = by_equations(entry, core, x, carry, torch.full((B,), T) if lengths is None else lengths)
    assert got[0].shape == (B, T, core.output_size)
    torch.testing.assert_close(got, expected, **EXACT)
    torch.testing.assert_close(
        gradients(weighted(*got), core, x, carry), gradients(weighted(*expected), core, x, carry), **EXACT
    )


@every_streaming_core
@every_depth
@plain_and_residual
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["none", "ragged"])
def test_windows_equal_the_whole(entry, layers, residual, lengths):
    core = build(entry, layers=layers, residual=residual)
    x, carry = inputs(core)
    expected = core(x, carry, lengths)
    outs, end = [], carry
    for start, stop in [(0, 3), (3, 3), (3, 6), (6, 7)]:
        within = None if lengths is None else (lengths - start).clamp(0, stop - start)
        out, end = core(x[:, start:stop], end, within)
        outs.append(out)
    got = torch.cat(outs, 1), end
    torch.testing.assert_close(got, expected, **EXACT)
    torch.testing.assert_close(
        gradients(weighted(*got), core, x, carry), gradients(weighted(*expected), core, x, carry), **EXACT
    )


@every_core
@every_depth
@plain_and_residual
def test_ragged_rows_equal_each_row_alone(entry, layers, residual):
    core = build(entry, layers=layers, residual=residual)
    x, carry = inputs(core)
    outs, ends = [], []
    for b, length in enumerate(LENGTHS.tolist()):
        out, end = core(x[b : b + 1, :length], tuple(leaf[b : b + 1] for leaf in carry))
        outs.append(torch.cat([out, out.new_zeros(1, T - length, core.output_size)], 1))
        ends.append(end)
    expected = torch.cat(outs), tuple(torch.cat(leaves) for leaves in zip(*ends, strict=True))
    got = core(x, carry, LENGTHS)
    torch.testing.assert_close(got, expected, **EXACT)
    torch.testing.assert_close(
        gradients(weighted(*got), core, x, carry), gradients(weighted(*expected), core, x, carry), **EXACT
    )


@every_core
@plain_and_residual
@pytest.mark.parametrize("filler", [0.0, 1e30, math.inf, math.nan])
def test_padding_is_never_read(entry, residual, filler):
    core = build(entry, layers=2, residual=residual)
    x, carry = inputs(core)
    beyond = torch.arange(T) >= LENGTHS.unsqueeze(1)
    padded = x.detach().masked_fill(beyond.unsqueeze(2), filler).requires_grad_()
    out, end = core(padded, carry, LENGTHS)
    assert torch.equal(out[beyond], torch.zeros_like(out[beyond]))
    expected = core(x, carry, LENGTHS)
    torch.testing.assert_close((out, end), expected, rtol=0, atol=0)
    got = gradients(weighted(out, end), core, padded, carry)
    torch.testing.assert_close(got, gradients(weighted(*expected), core, x, carry), rtol=0, atol=0)
    assert not got[-1 - len(carry)][beyond].any()


@every_core
@plain_and_residual
def test_nothing_to_run_returns_the_carry(entry, residual):
    core = build(entry, layers=2, residual=residual)
    x, carry = inputs(core)
    for window, lengths in [
        (x, torch.zeros(B, dtype=torch.int64)),
        (x[:, :0], None),
        (x[:, :0], torch.zeros(B, dtype=torch.int64)),
    ]:
        out, end = core(window, carry, lengths)
        assert out.shape == (B, window.shape[1], core.output_size)
        assert not out.any()
        assert all(torch.equal(a, b) for a, b in zip(end, carry, strict=True))


@every_plain_core
@every_depth
def test_first_carry(entry, layers):
    core = build(entry, layers=layers)
    carry = core.initial_carry(B)
    assert [leaf.shape for leaf in carry] == [(B, layers, H)] * {LSTM: 2, FeedForward: 0}.get(entry[0], 1)
    assert all(leaf.dtype == torch.float64 and not leaf.any() for leaf in carry)
    assert len({leaf.data_ptr() for leaf in carry}) == len(carry)


@every_streaming_core
@plain_and_residual
def test_no_output_sees_the_future_and_feed_forward_sees_no_past(entry, residual):
    core = build(entry, layers=2, residual=residual)
    x, _ = inputs(core)
    jacobian = torch.autograd.functional.jacobian(
        lambda v: core(v.unsqueeze(0), core.initial_carry(1))[0][0], x[0]
    )
    sees = jacobian.abs().sum((1, 3)) > 0  # (T, T): output at the row's step sees input at the column's
    allowed = torch.eye(T, dtype=torch.bool) if entry[0] is FeedForward else torch.ones(T, T).tril().bool()
    if entry[1].get("nonlinearity") == "relu" or entry[1].get("core") is FeedForward:
        # dead units, and values below the maximum, may hide a dependency, never make one
        assert not (sees & ~allowed).any()
    else:
        assert torch.equal(sees, allowed)


@plain_and_residual
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu", "sigmoid"])
def test_feed_forward_is_elman_without_recurrence(residual, nonlinearity):
    elman_core = build((Elman, {"nonlinearity": nonlinearity}), layers=2, residual=residual)
    core = build((FeedForward, {"nonlinearity": nonlinearity}), layers=2, residual=residual)
    weights = list(elman_core.parameters())
    with torch.no_grad():
        for layer, part in enumerate(core.parts):
            w_ih, w_hh, b_ih, b_hh = weights[4 * layer : 4 * layer + 4]
            w_hh.zero_()
            part.weight.copy_(w_ih)
            part.bias.copy_(b_ih + b_hh)
    x, carry = inputs(elman_core)
    torch.testing.assert_close(core(x, (), LENGTHS)[0], elman_core(x, carry, LENGTHS)[0], **EXACT)


@every_plain_core
@plain_and_residual
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["none", "ragged"])
def test_dropout_acts_between_layers_only(entry, residual, lengths):
    single = build(entry, layers=1, dropout=0.9, residual=residual)
    x, carry = inputs(single)
    torch.testing.assert_close(single(x, carry, lengths), single.eval()(x, carry, lengths), rtol=0, atol=0)

    core = build(entry, layers=2, dropout=0.5, residual=residual)
    x, carry = inputs(core)
    noisy, noisy_end = core(x, carry, lengths)
    core.eval()
    clean, clean_end = core(x, carry, lengths)
    torch.testing.assert_close(core(x, carry, lengths), (clean, clean_end), rtol=0, atol=0)
    undropped = build(entry, layers=2, residual=residual)
    torch.testing.assert_close(undropped(x, carry, lengths), (clean, clean_end), rtol=0, atol=0)
    assert not torch.equal(noisy, clean)
    for a, b in zip(noisy_end, clean_end, strict=True):
        assert torch.equal(a[:, 0], b[:, 0])  # nothing dropped before layer 1 or along time
        assert not torch.equal(a[:, 1], b[:, 1])
    if entry[1].get("nonlinearity") != "relu":  # nothing dropped from the output
        exist = torch.arange(T) < (torch.full((B,), T) if lengths is None else lengths).unsqueeze(1)
        assert noisy[exist].all()


@every_recurrent_core
def test_a_residual_sum_is_not_dropped(entry):
    """At the last step the output is the sum of what the layers hold, dropout or not."""
    core = build(entry, layers=3, dropout=0.5, residual=True)
    x, carry = inputs(core)
    out, end = core(x, carry)
    torch.testing.assert_close(out[:, -1], end[0].sum(1), **EXACT)


@every_core
@plain_and_residual
@pytest.mark.parametrize(
    "lengths", [None, LENGTHS, torch.zeros_like(LENGTHS)], ids=["none", "ragged", "zero"]
)
@pytest.mark.parametrize("x_dtype", [torch.float32, torch.bfloat16])
def test_carry_is_float32_under_autocast(entry, residual, lengths, x_dtype):
    core = build(entry, layers=2, residual=residual, dtype=torch.float32)
    x, carry = inputs(core, dtype=torch.float32)
    exact, exact_end = core(x, carry, lengths)
    with torch.autocast("cpu", torch.bfloat16):
        out, end = core(x.to(x_dtype), carry, lengths)
        again, end_again = core(x.to(x_dtype), end, lengths)
    assert [leaf.dtype for leaf in (*end, *end_again)] == [torch.float32] * 2 * len(carry)
    # bfloat16 keeps 8 bits, a relu network adds what it rounds over 14 layers and steps.
    torch.testing.assert_close(out.float(), exact, rtol=0.05, atol=0.05)
    torch.testing.assert_close(end, exact_end, rtol=0.05, atol=0.05)
    if lengths is None or lengths.any():
        found = gradients(weighted(again.float(), end_again), core, x, carry)
        assert all(gradient.isfinite().all() for gradient in found)


@every_core
@plain_and_residual
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["none", "ragged"])
def test_carry_is_float32_where_parameters_are_bfloat16(entry, residual, lengths):
    core = build(entry, layers=2, residual=residual, dtype=torch.bfloat16)
    x, carry = inputs(core, dtype=torch.bfloat16)
    out, end = core(x, carry, lengths)
    assert out.dtype == torch.bfloat16
    assert [leaf.dtype for leaf in (*carry, *end)] == [torch.float32] * 2 * len(carry)


@every_recurrent_core
@every_depth
@plain_and_residual
def test_orthogonal_start(entry, layers, residual):
    core = entry[0](F, hidden_size=H, layers=layers, residual=residual, **entry[1], init="orthogonal")
    seen = Counter()
    for name, parameter in core.named_parameters():
        for gate in parameter.detach().split(H):
            if "weight_hh" in name:
                # float32, in which torch draws weights by default
                torch.testing.assert_close(gate @ gate.T, torch.eye(H), rtol=0, atol=1e-5)
                seen["recurrent"] += 1
            elif "weight_ih" in name:
                assert 0 < gate.abs().max() <= math.sqrt(6 / (H + gate.shape[1]))
            elif entry[0] is not LSTM:
                assert not gate.any()
    assert seen["recurrent"] == layers * {LSTM: 4, GRU: 3, Elman: 1}[entry[0]]


@every_recurrent_core
@plain_and_residual
def test_torch_start(entry, residual):
    options = {"forget_bias": None} if entry[0] is LSTM else {}
    core = entry[0](F, hidden_size=64, layers=2, residual=residual, **entry[1], **options, init="torch")
    for parameter in core.parameters():
        largest = parameter.abs().max().item()
        assert 0.8 / 8 < largest <= 1 / 8


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
            for cls in (Elman, LSTM, GRU, FeedForward)
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
            (cls, {"init": "xavier"}, "init must be 'torch' or 'orthogonal', got 'xavier'")
            for cls in (Elman, LSTM, GRU)
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


@every_recurrent_core
def test_a_carry_of_other_rows_is_refused(entry):
    core = build(entry)
    x, _ = inputs(core)
    with pytest.raises(ValueError, match="carry holds 3 rows but x holds 4"):
        core(x, core.initial_carry(B - 1))


@every_core
@plain_and_residual
def test_state_dict_round_trip(entry, residual):
    core = build(entry, layers=3, residual=residual)
    other = make(entry, layers=3, residual=residual).double()
    other.load_state_dict(copy.deepcopy(core.state_dict()))
    x, carry = inputs(core)
    torch.testing.assert_close(other(x, carry, LENGTHS), core(x, carry, LENGTHS), rtol=0, atol=0)


@every_plain_core
def test_built_in_one_line_with_defaults(entry):
    core = entry[0](F)
    assert (core.input_size, core.output_size, core.hidden_size, core.layers) == (F, 128, 128, 1)
    assert core.streams


class Calls(TorchDispatchMode):
    """Counts the operations that reach the device."""

    def __init__(self):
        super().__init__()
        self.seen = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.seen[func.overloadpacket.__name__] += 1
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(("cls", "bare"), [(Elman, "RNN"), (LSTM, "LSTM"), (GRU, "GRU")])
def test_a_window_costs_the_fused_kernel_and_views(cls, bare):
    core = build((cls, {}), layers=2)
    kernel = getattr(torch.nn, bare)(F, H, num_layers=2, batch_first=True).double()
    x, carry = inputs(core)
    start = tuple(leaf.detach().transpose(0, 1).contiguous() for leaf in carry)
    with Calls() as alone:
        kernel(x, start if len(start) > 1 else start[0])
    _, carry = core(x, carry)  # after the first window the carry lies as the kernel likes it
    with Calls() as wrapped:
        core(x, carry)
    assert set(wrapped.seen - alone.seen) <= {"transpose", "slice", "detach", "view", "alias"}


@every_recurrent_core
@plain_and_residual
def test_steps_that_do_not_exist_cost_no_products(entry, residual):
    core = build(entry, layers=2, residual=residual)
    x, carry = inputs(core)
    counts = []
    for lengths in (None, LENGTHS):
        with FlopCounterMode(display=False) as counter:
            out, end = core(x, carry, lengths)
            weighted(out, end).backward()
        counts.append(counter.get_total_flops())
    assert counts[1] * B * T == counts[0] * LENGTHS.sum().item() > 0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@every_core
@plain_and_residual
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["none", "ragged"])
def test_gpu_equals_cpu(entry, residual, lengths):
    core = build(entry, layers=2, residual=residual)
    x, carry = inputs(core)
    expected = core(x, carry, lengths)
    core, x, carry = core.cuda(), x.detach().cuda(), tuple(leaf.detach().cuda() for leaf in carry)
    out, end = core(x, carry, lengths)
    # cuDNN sums in another order
    torch.testing.assert_close(
        (out.cpu(), tuple(leaf.cpu() for leaf in end)), expected, rtol=1e-10, atol=1e-10
    )
    core.float()
    with torch.autocast("cuda", torch.bfloat16):
        _, end = core(x.float(), tuple(leaf.float() for leaf in carry), lengths)
    assert [leaf.dtype for leaf in end] == [torch.float32] * len(carry)
