"""Gradients that are changed between steps, held to rows unrolled by hand with a hook at every crossing."""

from __future__ import annotations

import core_equations
import core_rows
import pytest
import torch
from core_rows import B, F, H
from torch import Tensor

from elman.cores import GRU, LSTM, Bidirectional, Cell, CoupledLSTM, Elman
from elman.cores.crossing import Crossing, step_by_step
from elman.cores.kernels import use_kernels
from elman.cores.resets import Resets

T = 19  # more than a block of the scan
LENGTHS = torch.tensor([19, 0, 18, 3])
BEGINS = torch.zeros(B, T, dtype=torch.bool)
BEGINS[0, [1, 7, 17]] = BEGINS[2, 16] = True
HALF = Crossing(decay=0.5, clip=0.1)
CROSSINGS = {"clip": Crossing(clip=0.1), "decay": Crossing(decay=0.7), "both": HALF}
EQUATIONS = {
    Elman: core_equations.elman(torch.tanh),
    GRU: core_equations.gru,
    LSTM: core_equations.lstm,
    CoupledLSTM: core_equations.coupled,
}
KERNELS = ("scan", "native", "loop")


def unrolled(core: Cell, x: Tensor, carry, first, crossing: Crossing, *, ragged: bool) -> tuple[Tensor, list]:
    """Outputs (B, T, H) and the carry at each row's end, row by row and step by step; counts in `hits`."""
    outs, ends, hits = [], [], 0

    def hook(grad: Tensor) -> Tensor:
        nonlocal hits
        hits += int((crossing.decay * grad).abs().gt(crossing.clip).sum())
        return (crossing.decay * grad).clamp(-crossing.clip, crossing.clip)

    for row in range(B):
        memories = [tuple(leaf[row, layer] for leaf in carry) for layer in range(core.layers)]
        out = []
        for t in range(int(LENGTHS[row]) if ragged else T):
            if t and ragged and BEGINS[row, t]:
                memories = [tuple(leaf[row, layer] for leaf in first) for layer in range(core.layers)]
            read = x[row, t]
            for layer in range(core.layers):
                before = tuple(leaf.view_as(leaf) for leaf in memories[layer])
                for leaf in before:
                    leaf.register_hook(hook)
                weights = list(core.stack.weights_of(layer).values())
                h, memories[layer] = EQUATIONS[type(core)](read, before, weights)
                read = h + read if layer and core.residual else h
            out.append(read)
        out += [read.new_zeros(H) for read in [x[row, 0]] * (T - len(out))]
        outs.append(torch.stack(out))
        ends.append(tuple(map(torch.stack, zip(*memories, strict=True))))
    return torch.stack(outs), [tuple(map(torch.stack, zip(*ends, strict=True))), lambda: hits]


def made(cell: type[Cell], **options) -> Cell:
    torch.manual_seed(1)
    core = cell(F, hidden_size=H, **options).double()
    with torch.no_grad():
        for parameter in core.parameters():
            parameter.uniform_(-1, 1)
    return core


def begun(core: Cell) -> tuple[Tensor, tuple, tuple]:
    """Inputs, and two carries: that rows come with, and that they begin with inside."""
    torch.manual_seed(2)
    x = torch.randn(B, T, F, dtype=torch.float64, requires_grad=True)
    return x, *(tuple(torch.randn_like(c).requires_grad_() for c in core.initial_carry(B)) for _ in range(2))


@pytest.mark.parametrize("ragged", [False, True], ids=["even", "ragged"])
@pytest.mark.parametrize("kind", CROSSINGS)
@pytest.mark.parametrize("cell", EQUATIONS, ids=lambda cell: cell.__name__)
def test_every_kernel_is_the_loop_with_hooks(cell: type[Cell], kind: str, ragged: bool) -> None:
    """By all weights, inputs and carries; in two layers, with residual sums where rows are ragged."""
    found, crossing, expected = {}, CROSSINGS[kind], None
    options = {"layers": 2, "residual": ragged}
    for kernel in KERNELS:
        core = made(cell, kernel=kernel, **options)
        x, carry, first = begun(core)
        leaves = [*core.parameters(), x, *carry, *(first if ragged else ())]
        if expected is None:
            out, (end, hits) = unrolled(core, x, carry, first, crossing, ragged=ragged)
            expected = torch.autograd.grad(core_rows.weighted(out, end), leaves)
            assert hits() > 50 or not crossing.clips  # it is not idle
        assert core.use_crossing(crossing)
        if ragged:
            out, end = core.forward_from(x, carry, LENGTHS, Resets(BEGINS, first))
        else:
            out, end = core(x, carry)
        found[kernel] = torch.autograd.grad(core_rows.weighted(out, end), leaves)
        torch.testing.assert_close(found[kernel], expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kernel", KERNELS)
def test_windows_that_meet_cross_once(kernel: str) -> None:
    """Cut anywhere, the gradient is that of the uncut row: at a border it is changed by one side alone."""
    core = made(LSTM, kernel=kernel)
    core.use_crossing(HALF)
    x, carry, _ = begun(core)
    leaves = [*core.parameters(), x, *carry]
    whole = torch.autograd.grad(core_rows.weighted(*core(x, carry)), leaves)
    outs, end = [], carry
    for piece in x.split([1, 5, 13], 1):
        out, end = core(piece, end)
        outs.append(out)
    cut = torch.autograd.grad(core_rows.weighted(torch.cat(outs, 1), end), leaves)
    torch.testing.assert_close(cut, whole, rtol=1e-10, atol=1e-10)


def test_a_core_of_any_kind_is_run_step_by_step() -> None:
    core, same = made(GRU, kernel="loop", layers=2), made(GRU, kernel="loop", layers=2)
    x, carry, first = begun(core)
    leaves, resets = [x, *carry, *first], Resets(BEGINS, first)
    out, end = step_by_step(core, x, carry, LENGTHS, resets=resets, crossing=HALF)
    found = torch.autograd.grad(core_rows.weighted(out, end), [*leaves, *core.parameters()])
    same.use_crossing(HALF)
    out, end = same.forward_from(x, carry, LENGTHS, resets)
    expected = torch.autograd.grad(core_rows.weighted(out, end), [*leaves, *same.parameters()])
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


def test_both_directions_have_crossings_of_their_own() -> None:
    torch.manual_seed(1)
    core = Bidirectional(F, core=lambda size: GRU(size, hidden_size=H, kernel="scan")).double()
    x = torch.randn(B, T, F, dtype=torch.float64)
    assert core.use_crossing(HALF)
    out, _ = core(x, core.initial_carry(B))
    found = torch.autograd.grad(out.sum(), list(core.parameters()))
    alone = []
    for inner, read in ((core.forward_core, x), (core.backward_core, x.flip(1))):
        out, _ = inner(read, inner.initial_carry(B))
        alone += torch.autograd.grad(out.sum(), list(inner.parameters()))
    torch.testing.assert_close(found, tuple(alone), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kernel", ["scan", "native"])
def test_what_is_no_number_stays_none_in_its_own_row(kernel: str) -> None:
    core = made(LSTM, kernel=kernel)
    core.use_crossing(HALF)
    x, carry, _ = begun(core)
    out, _ = core(x, carry)
    grads = torch.ones_like(out)
    grads[1, 5] = torch.nan
    (dx,) = torch.autograd.grad(out, x, grads)
    assert torch.equal(dx.isnan().any(2).any(1), torch.tensor([False, True, False, False]))
    assert dx[1, :6].isnan().all()


def test_torchs_module_gives_way_where_there_is_something_to_learn() -> None:
    core = made(LSTM)
    core.use_crossing(HALF)
    assert core.stack._kernel(2) != "fused"
    with torch.no_grad():
        assert core.stack._kernel(2) == "fused"
    use_kernels(core, {"stack": ["fused"]})  # of a run without options
    assert core.stack._kernel(2) == "scan"
    with pytest.raises(ValueError, match=r"kernel=fused runs all steps .*; set kernel: auto, native, scan"):
        made(GRU, kernel="fused").use_crossing(HALF)
