"""What every core promises: windows, rows of any length, padding, precision, cost."""

from __future__ import annotations

import copy
import inspect
import math
from collections import Counter

import pytest
import torch
from core_rows import CORES, EXACT, LENGTHS, TRAINED, B, F, H, Row, T, build, gradients, inputs, weighted
from pairwise import pairs
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

import elman.cores
from elman.cores import GRU, LSTM, Cell, Core, Elman, ProjectedLSTM
from elman.cores.layered import Layered

pytestmark = pytest.mark.filterwarnings("error")

LAYERED = [row for row in CORES if issubclass(row.core, Layered)]
RECURRENT = [row for row in CORES if issubclass(row.core, Cell)]
STREAMING = [row for row in CORES if row.make().streams]

every_core = pytest.mark.parametrize("row", CORES, ids=str)
every_layered_core = pytest.mark.parametrize("row", LAYERED, ids=str)
every_recurrent_core = pytest.mark.parametrize("row", RECURRENT, ids=str)
every_streaming_core = pytest.mark.parametrize("row", STREAMING, ids=str)
every_depth = pytest.mark.parametrize("layers", [1, 2, 3])
plain_and_residual = pytest.mark.parametrize("residual", [False, True], ids=["plain", "residual"])


def test_no_core_is_left_out():
    public = {getattr(elman.cores, name) for name in elman.cores.__all__}
    concrete = {cls for cls in public if issubclass(cls, Core) and not inspect.isabstract(cls)}
    assert {row.core for row in CORES} >= concrete
    assert {row.core for row in TRAINED} >= concrete


@pytest.mark.parametrize(
    ("row", "layers", "residual", "ragged"),
    pairs(STREAMING, [1, 2, 3], [False, True], [False, True]),
    ids=str,
)
def test_windows_equal_the_whole(row, layers, residual, ragged):
    core = build(row, layers=layers, residual=residual)
    x, carry = inputs(core)
    lengths = LENGTHS if ragged else None
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


@pytest.mark.parametrize(("row", "layers", "residual"), pairs(CORES, [1, 2, 3], [False, True]), ids=str)
def test_ragged_rows_equal_each_row_alone(row, layers, residual):
    core = build(row, layers=layers, residual=residual)
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


@pytest.mark.parametrize(
    ("row", "residual", "filler"), pairs(CORES, [False, True], [0.0, 1e30, math.inf, math.nan]), ids=str
)
def test_padding_is_never_read(row, residual, filler):
    core = build(row, layers=2, residual=residual)
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
def test_nothing_to_run_returns_the_carry(row, residual):
    core = build(row, layers=2, residual=residual)
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


@every_layered_core
@every_depth
def test_first_carry(row, layers):
    core = build(row, layers=layers)
    carry = core.initial_carry(B)
    assert [leaf.shape for leaf in carry] == [(B, layers, size) for size in row.sizes or (H,) * row.memory]
    assert all(leaf.dtype == torch.float64 and not leaf.any() for leaf in carry)
    assert len({leaf.data_ptr() for leaf in carry}) == len(carry)


@every_streaming_core
@plain_and_residual
def test_no_output_sees_the_future_and_feed_forward_sees_no_past(row, residual):
    core = build(row, layers=2, residual=residual)
    x, _ = inputs(core)
    jacobian = torch.autograd.functional.jacobian(
        lambda v: core(v.unsqueeze(0), core.initial_carry(1))[0][0], x[0]
    )
    sees = jacobian.abs().sum((1, 3)) > 0  # (T, T): output at the row's step sees input at the column's
    allowed = torch.ones(T, T).tril().bool() if row.memory else torch.eye(T, dtype=torch.bool)
    if row.hides:  # a dependency, never makes one
        assert not (sees & ~allowed).any()
    else:
        assert torch.equal(sees, allowed)


@every_layered_core
@plain_and_residual
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["none", "ragged"])
def test_dropout_acts_between_layers_only(row, residual, lengths):
    single = build(row, layers=1, dropout=0.9, residual=residual)
    x, carry = inputs(single)
    torch.testing.assert_close(single(x, carry, lengths), single.eval()(x, carry, lengths), rtol=0, atol=0)

    core = build(row, layers=2, dropout=0.5, residual=residual)
    x, carry = inputs(core)
    noisy, noisy_end = core(x, carry, lengths)
    core.eval()
    clean, clean_end = core(x, carry, lengths)
    torch.testing.assert_close(core(x, carry, lengths), (clean, clean_end), rtol=0, atol=0)
    undropped = build(row, layers=2, residual=residual)
    torch.testing.assert_close(undropped(x, carry, lengths), (clean, clean_end), rtol=0, atol=0)
    assert not torch.equal(noisy, clean)
    for a, b in zip(noisy_end, clean_end, strict=True):
        assert torch.equal(a[:, 0], b[:, 0])  # nothing dropped before layer 1 or along time
        assert not torch.equal(a[:, 1], b[:, 1])
    if not row.hides:  # nothing dropped from the output
        exist = torch.arange(T) < (torch.full((B,), T) if lengths is None else lengths).unsqueeze(1)
        assert noisy[exist].all()


@pytest.mark.parametrize("row", [row for row in RECURRENT if row.shows], ids=str)
def test_a_residual_sum_is_not_dropped(row):
    """At the last step the output is the sum of what the layers hold, dropout or not."""
    core = build(row, layers=3, dropout=0.5, residual=True)
    x, carry = inputs(core)
    out, end = core(x, carry)
    torch.testing.assert_close(out[:, -1], end[0].sum(1), **EXACT)


def wide_kinds(core):
    """The types of a carry: float32, float64 for sums over a whole row."""
    kinds = [leaf.dtype for leaf in core.initial_carry(B)]
    means = [kind for kind in kinds if kind != torch.float32]
    assert means in ([], [torch.float64] * 2)  # a sum and its count
    return kinds


@pytest.mark.parametrize(
    ("row", "residual", "length", "x_dtype"),
    pairs(CORES, [False, True], ["none", "ragged", "zero"], [torch.float32, torch.bfloat16]),
    ids=str,
)
def test_carry_is_wide_under_autocast(row, residual, length, x_dtype):
    lengths = {"none": None, "ragged": LENGTHS, "zero": torch.zeros_like(LENGTHS)}[length]
    core = build(row, layers=2, residual=residual, dtype=torch.float32)
    x, carry = inputs(core, dtype=torch.float32)
    exact, exact_end = core(x, carry, lengths)
    with torch.autocast("cpu", torch.bfloat16):
        out, end = core(x.to(x_dtype), carry, lengths)
        again, end_again = core(x.to(x_dtype), end, lengths)
    assert [leaf.dtype for leaf in (*end, *end_again)] == 2 * wide_kinds(core)
    # bfloat16 keeps 8 bits, a relu network adds what it rounds over 14 layers and steps.
    torch.testing.assert_close(out.float(), exact, rtol=0.05, atol=0.05)
    torch.testing.assert_close(end, exact_end, rtol=0.05, atol=0.05)
    if lengths is None or lengths.any():
        found = gradients(weighted(again.float(), end_again), core, x, carry)
        assert all(gradient.isfinite().all() for gradient in found)


@every_core
@plain_and_residual
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["none", "ragged"])
def test_carry_is_wide_where_parameters_are_bfloat16(row, residual, lengths):
    core = build(row, layers=2, residual=residual, dtype=torch.bfloat16)
    x, carry = inputs(core, dtype=torch.bfloat16)
    out, end = core(x, carry, lengths)
    assert out.dtype == torch.bfloat16
    assert [leaf.dtype for leaf in end] == wide_kinds(core)


@every_recurrent_core
def test_a_carry_of_other_rows_is_refused(row):
    core = build(row)
    x, _ = inputs(core)
    with pytest.raises(ValueError, match="carry holds 3 rows but x holds 4"):
        core(x, core.initial_carry(B - 1))


@every_core
@plain_and_residual
def test_state_dict_round_trip(row, residual):
    core = build(row, layers=3, residual=residual)
    other = row.make(hidden_size=H, layers=3, residual=residual).double()
    other.load_state_dict(copy.deepcopy(core.state_dict()))
    x, carry = inputs(core)
    torch.testing.assert_close(other(x, carry, LENGTHS), core(x, carry, LENGTHS), rtol=0, atol=0)


@every_layered_core
def test_built_in_one_line_with_defaults(row):
    core = row.core(F)
    output_size = 64 if row.core is ProjectedLSTM else 128
    assert (core.input_size, core.output_size, core.hidden_size, core.layers) == (F, output_size, 128, 1)
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
    core = build(Row(cls, {"kernel": "fused"}), layers=2)
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
def test_steps_that_do_not_exist_cost_no_products(row, residual):
    core = build(row, layers=2, residual=residual)
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
def test_gpu_equals_cpu(row, residual, lengths):
    core = build(row, layers=2, residual=residual)
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
    assert [leaf.dtype for leaf in end] == wide_kinds(core)
