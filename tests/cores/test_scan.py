"""The backward pass by hand is autograd's, central differences' and torch's, with rows of any length."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from core_rows import gradients, weighted
from torch import Tensor

from elman.cores import GRU, LSTM, Cell, CoupledLSTM, Elman
from elman.cores._layout import BLOCK
from elman.cores.kernels import Choice, kernels_of, use_kernels

B, F, H = 4, 3, 5
T = 2 * BLOCK + 5
RAGGED = torch.tensor([T, BLOCK, 0, BLOCK + 1])
CELLS: dict[str, Callable[..., Cell]] = {
    "tanh": Elman,
    "relu": partial(Elman, nonlinearity="relu"),
    "sigmoid": partial(Elman, nonlinearity="sigmoid"),
    "GRU": GRU,
    "LSTM": LSTM,
    "CoupledLSTM": CoupledLSTM,
}
each_cell = pytest.mark.parametrize("cell", CELLS)
each_scan = pytest.mark.parametrize("kernel", ["scan", "native"])


def twins(cell: str, kernel: str, **options: Any) -> tuple[Cell, Cell]:
    """The same weights, none of them zero, evaluated by a scan and by a loop."""
    torch.manual_seed(1)
    made = [CELLS[cell](F, hidden_size=H, kernel=name, **options).double() for name in (kernel, "loop")]
    with torch.no_grad():
        for parameter in made[0].parameters():
            parameter.uniform_(-0.8, 0.8)
    made[1].load_state_dict(made[0].state_dict())
    return made[0], made[1]


def inputs(core: Cell) -> tuple[Tensor, tuple[Tensor, ...]]:
    torch.manual_seed(2)
    x = torch.randn(B, T, F, dtype=torch.float64, requires_grad=True)
    return x, tuple(torch.randn_like(leaf).requires_grad_() for leaf in core.initial_carry(B))


@each_scan
@each_cell
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("lengths", [None, RAGGED], ids=["even", "ragged"])
def test_by_hand_as_by_autograd(
    cell: str, kernel: str, layers: int, residual: bool, lengths: Tensor | None
) -> None:
    hand, auto = twins(cell, kernel, layers=layers, residual=residual)
    x, carry = inputs(hand)
    found, expected = (core(x, carry, lengths) for core in (hand, auto))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    by_hand, by_autograd = (
        gradients(weighted(*ran), core, x, carry) for ran, core in ((found, hand), (expected, auto))
    )
    assert all(float(g.abs().max()) > 0 for g in by_autograd)
    for one, other in zip(by_hand, by_autograd, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


@each_scan
@each_cell
def test_by_hand_as_central_differences(cell: str, kernel: str) -> None:
    core, _ = twins(cell, kernel, layers=2)
    x, carry = inputs(core)
    x = x[:, :5].detach().clone().requires_grad_()
    lengths = torch.tensor([5, 2, 0, 4])
    leaves = [x, *carry, *core.parameters()]
    found = torch.autograd.grad(weighted(*core(x, carry, lengths)), leaves)
    eps = 1e-6
    for leaf, gradient in zip(leaves, found, strict=True):
        flat = leaf.data.view(-1)
        for index in range(0, len(flat), max(1, len(flat) // 5)):
            sides = []
            for sign in (1, -1):
                kept = float(flat[index])
                flat[index] += sign * eps
                sides.append(float(weighted(*core(x, carry, lengths)).detach()))
                flat[index] = kept
            slope = (sides[0] - sides[1]) / (2 * eps)
            assert float(gradient.flatten()[index]) == pytest.approx(slope, rel=1e-6, abs=1e-6)


@each_scan
@pytest.mark.parametrize(("cell", "module"), [("tanh", "RNN"), ("GRU", "GRU"), ("LSTM", "LSTM")])
def test_as_torchs_module(cell: str, module: str, kernel: str) -> None:
    """Its outputs, its gradients, and with dropout between layers its very draws."""
    core, _ = twins(cell, kernel, layers=2, dropout=0.5)
    theirs = getattr(torch.nn, module)(F, H, num_layers=2, dropout=0.5, batch_first=True).double()
    theirs.load_state_dict({name.rpartition(".")[2]: w for name, w in core.state_dict().items()})
    x, carry = inputs(core)
    torch.manual_seed(3)
    out, _ = core(x, carry)
    torch.manual_seed(3)
    start = tuple(leaf.transpose(0, 1).contiguous() for leaf in carry)
    expected, _ = theirs(x, start if len(start) > 1 else start[0])
    torch.testing.assert_close(out, expected, rtol=0, atol=1e-12)
    ours = torch.autograd.grad(out.square().sum(), [x, *core.parameters()])
    others = torch.autograd.grad(expected.square().sum(), [x, *theirs.parameters()])
    for one, other in zip(ours, others, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


@each_scan
@each_cell
def test_without_gradients_and_in_pieces_as_in_whole(cell: str, kernel: str) -> None:
    core, _ = twins(cell, kernel, layers=2)
    x, carry = inputs(core)
    whole, end = core(x, carry)
    with torch.no_grad():
        first, middle = core(x[:, :7], carry)
        second, last = core(x[:, 7:], middle)
    torch.testing.assert_close(torch.cat([first, second], 1), whole, rtol=0, atol=1e-12)
    torch.testing.assert_close(last, end, rtol=0, atol=1e-12)


@each_scan
def test_only_what_is_asked_for_is_computed(kernel: str) -> None:
    """Frozen weights and inputs without gradient get none; the carry's comes all the same."""
    core, _ = twins("GRU", kernel)
    x, carry = inputs(core)
    for parameter in core.parameters():
        parameter.requires_grad_(False)
    out, _ = core(x.detach(), carry)
    (gradient,) = torch.autograd.grad(out.sum(), carry)
    assert float(gradient.abs().max()) > 0


@each_scan
def test_a_second_derivative_is_refused(kernel: str) -> None:
    core, _ = twins("LSTM", kernel)
    x, carry = inputs(core)
    (slope,) = torch.autograd.grad(core(x, carry)[0].sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="does not require grad"):
        torch.autograd.grad(slope.sum(), x)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            partial(GRU, kernel="tape"),
            "kernel must be 'auto', 'fused', 'native', 'scan', 'parallel' or 'loop', got 'tape'",
        ),
        (
            partial(Elman, nonlinearity="sigmoid", kernel="fused"),
            "kernel='fused', which Elman does not have; it has native, scan, loop, or auto",
        ),
    ],
)
def test_a_kernel_that_is_not_there(make: Callable[..., Cell], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(F)


@pytest.mark.compiler
def test_the_kernel_that_auto_takes() -> None:
    """By cell and device, and for short windows the fused one; one that a run has had is kept."""
    assert kernels_of(GRU(F)) == {"stack": Choice("native", 4, 0.0)}
    assert kernels_of(Elman(F, nonlinearity="sigmoid")) == {"stack": Choice("native", 8, 0.0)}
    assert kernels_of(LSTM(F)) == {"stack": Choice("native", 32, 0.0, mixed=False)}
    assert kernels_of(GRU(F), "cuda") == kernels_of(LSTM(F).bfloat16()) == {"stack": Choice("fused")}
    assert kernels_of(GRU(F).bfloat16()) == {"stack": Choice("scan", 10)}
    assert kernels_of(GRU(F, kernel="loop")) == {"stack": Choice("loop", most_cuts=1.0)}
    core = GRU(F, hidden_size=H)
    for kept, shortest in ((["native", 4], 4), (["scan", 10], 10)):
        use_kernels(core, {"stack": kept})
        for steps in (shortest - 1, shortest):
            out, _ = core(torch.zeros(B, steps, F), core.initial_carry(B))
            assert any("Scan" in name for name in _functions(out.grad_fn)) == (steps == shortest)
    native, scan = Choice("native", 4), Choice("scan", 10)  # without a backward pass there is less to gain
    assert [native.pays(steps, learns=False) for steps in (7, 8)] == [False, True]
    assert not scan.pays(1000, learns=False)
    assert Choice("scan").pays(1, learns=False, mixed=True)
    lstm = LSTM(F, hidden_size=H)
    with torch.autocast("cpu", torch.bfloat16):  # where torch's computes in 16 bits
        out, _ = lstm(torch.zeros(B, 40, F), lstm.initial_carry(B))
    assert not any("Scan" in name for name in _functions(out.grad_fn))
    use_kernels(core, {"stack": ["loop", 0]})
    assert kernels_of(core) == {"stack": Choice("loop")}
    use_kernels(core, None)
    assert kernels_of(core) == {"stack": Choice("fused")}


def _functions(node: Any) -> set[str]:
    """Names of all nodes of autograd behind one."""
    seen, waiting = set(), [node]
    while waiting:
        if (one := waiting.pop()) is not None and one not in seen:
            seen.add(one)
            waiting += [below for below, _ in one.next_functions]
    return {type(one).__name__ for one in seen}


def test_a_cell_that_changes_the_equations_is_evaluated_by_them() -> None:
    """Kernels that it inherits are of other equations."""

    class Leaky(GRU):
        def step(self, drive, carry, weights):
            h, _ = super().step(drive, carry, weights)
            h = 0.5 * h + 0.5 * carry[0]
            return h, (h,)

    core = Leaky(F, hidden_size=H)
    assert kernels_of(core) == {"stack": Choice("loop")}
    with pytest.raises(ValueError, match=r"kernel='scan', which Leaky does not have; it has loop, or auto"):
        Leaky(F, hidden_size=H, kernel="scan")


@each_scan
def test_autocast_leaves_a_scan_in_its_weights_precision(kernel: str) -> None:
    core = GRU(F, hidden_size=H, kernel=kernel)
    x = torch.randn(B, T, F)
    expected, _ = core(x, core.initial_carry(B))
    with torch.autocast("cpu", torch.bfloat16):
        out, _ = core(x, core.initial_carry(B))
    assert torch.equal(out, expected)
