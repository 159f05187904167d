"""The linear recurrence and its backward pass, and cells that run all steps at once, against step by step."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from core_rows import gradients, weighted
from pairwise import pairs
from torch import Tensor

from elman.cores import LRU, QRNN, SRU, Cell, MinGRU, MinLSTM
from elman.cores import _linear as linear
from elman.cores._layout import Layout
from elman.cores.crossing import Crossing
from elman.cores.kernels import Choice, kernels_of, use_kernels
from elman.cores.resets import Resets

B, T, F, H = 5, 9, 3, 4
RAGGED = torch.tensor([9, 4, 0, 5, 9])
CELLS: dict[str, Callable[..., Cell]] = {
    "minGRU": MinGRU,
    "minLSTM": MinLSTM,
    "LRU": LRU,
    "QRNN": QRNN,
    "QRNN-1": partial(QRNN, filter_width=1),
    "QRNN-4": partial(QRNN, filter_width=4),
    "SRU": SRU,
    "SRU-past": lambda size, **options: SRU(size, **{**options, "hidden_size": size}),  # x goes past as it is
}
FORMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "deep": {"layers": 3},
    "residual": {"layers": 3, "residual": True},
}
each_cell = pytest.mark.parametrize("cell", CELLS)


def begins(*, lengths: Tensor | None) -> Tensor:
    marks = torch.rand(B, T, generator=torch.Generator().manual_seed(4)) < 0.3
    marks[0, -1] = True
    return marks if lengths is None else marks & (torch.arange(T) < lengths[:, None])


def twins(cell: str, **options: Any) -> tuple[Cell, Cell]:
    """The same weights, none of them zero, all steps at once and by the loop."""
    torch.manual_seed(1)
    made = [CELLS[cell](F, hidden_size=H, kernel=name, **options).double() for name in ("auto", "loop")]
    with torch.no_grad():
        for parameter in made[0].parameters():
            parameter.uniform_(-0.8, 0.8)
    made[1].load_state_dict(made[0].state_dict())
    return made[0], made[1]


def inputs(core: Cell) -> tuple[Tensor, tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Inputs, and two carries that are not zero: that rows come with, and that they begin with inside."""
    torch.manual_seed(2)
    x = torch.randn(B, T, F, dtype=torch.float64, requires_grad=True)
    return x, *(tuple(torch.randn_like(c).requires_grad_() for c in core.initial_carry(B)) for _ in range(2))


@pytest.mark.parametrize("constant", [False, True], ids=["a_t", "a"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128], ids=["real", "complex"])
@pytest.mark.parametrize("resets", [False, True], ids=["plain", "begun"])
@pytest.mark.parametrize("ragged", [False, True], ids=["even", "ragged"])
def test_the_recurrence_by_hand_is_autograd_row_by_row(
    ragged: bool, resets: bool, dtype: torch.dtype, constant: bool
) -> None:
    """The two plain functions against numbers, one row and one step at a time, through autograd."""
    torch.manual_seed(3)
    lengths = [T, T, 6, 2] if ragged else [T] * 4
    sizes = [sum(length > step for length in lengths) for step in range(T)]
    marks = (torch.rand(4, T) < (0.3 if resets else 0)) & (torch.arange(T) < torch.tensor(lengths)[:, None])
    layout = Layout(sizes, begins=marks)
    shape = (H,) if constant else (layout.all_rows, H)
    a, b, start, first = leaves = [
        torch.randn(*size, dtype=dtype, requires_grad=True)
        for size in (shape, (layout.all_rows, H), (4, H), (4, H))
    ]
    dout, dend = torch.randn(layout.all_rows, H, dtype=dtype), torch.randn(4, H, dtype=dtype)
    total, outs, ends = 0, {}, []
    for row, length in enumerate(lengths):
        h = start[row]
        for step in range(length):
            at = layout.offsets[step] + row
            h = (a if constant else a[at]) * (first[row] if step and marks[row, step] else h) + b[at]
            outs[at] = h
            total = total + (h * dout[at].conj()).sum().real
        ends.append(h)
        total = total + (h * dend[row].conj()).sum().real
    kept = linear.forward(*(leaf.detach() for leaf in leaves[:3]), layout, first=first.detach())
    torch.testing.assert_close(kept.h(layout), torch.stack([outs[at] for at in range(len(outs))]))
    torch.testing.assert_close(layout.ends(kept.states), torch.stack(ends))
    found = linear.backward(kept, layout, dout, dend)
    expected = torch.autograd.grad(total, leaves, allow_unused=not resets)
    assert (found.first is None) == (not resets)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("cell", "form", "rows", "comes"),
    pairs(CELLS, FORMS, ["even", "ragged", "even, begun", "ragged, begun"], [False, True]),
)
@pytest.mark.parametrize("numbers", [linear.NUMBERS, 3 * B * H, 1], ids=["whole", "blocks", "steps"])
def test_at_once_is_step_by_step(  # in blocks of 3 steps of all rows, more of few, or a step each
    cell: str, form: str, rows: str, *, comes: bool, numbers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values and all gradients, with and without a state that comes in, beginnings, rows that end."""
    monkeypatch.setattr(linear, "NUMBERS", numbers)
    begun, ragged = "begun" in rows, "ragged" in rows
    core, loop = twins(cell, **FORMS[form])
    assert kernels_of(core) != kernels_of(loop) == {"stack": Choice("loop", most_cuts=1.0)}
    x, carry, first = inputs(core)
    carry = carry if comes else core.initial_carry(B)
    lengths = RAGGED if ragged else None
    resets = Resets(begins(lengths=lengths) & begun, first)
    found, expected = (each.forward_from(x, carry, lengths, resets) for each in (core, loop))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    leaves = (*(carry if comes else ()), *(first if begun else ()))
    at_once, by_step = (
        gradients(weighted(*ran), each, x, leaves) for ran, each in ((found, core), (expected, loop))
    )
    for one, other in zip(at_once, by_step, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)
        assert bool(one.any())
    with torch.no_grad():
        torch.testing.assert_close(core.forward_from(x, carry, lengths, resets), expected, rtol=0, atol=1e-12)


@each_cell
def test_streamed_step_by_step_as_in_one_window(cell: str) -> None:
    """One step a call, the carry handed on: the outputs, the last carry and the gradients of one call."""
    core, _ = twins(cell, layers=2)
    x, carry, _ = inputs(core)
    whole = core(x, carry)
    outs, now = [], carry
    for step in range(T):
        out, now = core(x[:, step : step + 1], now)
        outs.append(out)
    streamed = torch.cat(outs, 1), now
    torch.testing.assert_close(streamed, whole, rtol=0, atol=1e-12)
    torch.testing.assert_close(
        gradients(weighted(*streamed), core, x, carry),
        gradients(weighted(*whole), core, x, carry),
        rtol=1e-10,
        atol=1e-10,
    )


@each_cell
def test_central_differences(cell: str) -> None:
    core, _ = twins(cell, layers=2)
    x, carry, _ = inputs(core)
    found = gradients(weighted(*core(x, carry, RAGGED)), core, x, carry)
    for leaf, gradient in zip((*core.parameters(), x, *carry), found, strict=True):
        toward = torch.randn_like(leaf)
        sides = []
        for sign in (1e-6, -2e-6):
            leaf.data.add_(toward, alpha=sign)
            sides.append(float(weighted(*core(x, carry, RAGGED)).detach()))
        leaf.data.add_(toward, alpha=1e-6)
        slope = (sides[0] - sides[1]) / 2e-6
        assert float((gradient * toward).sum()) == pytest.approx(slope, rel=1e-6, abs=1e-6)


@each_cell
def test_no_gradient_crosses_a_beginning(cell: str) -> None:
    """Exactly none, also where what comes after is not finite."""
    core, _ = twins(cell, layers=2)
    x, carry, first = inputs(core)
    marks = torch.zeros(B, T, dtype=torch.bool)
    marks[:, 5] = True
    out, _ = core.forward_from(x, carry, None, Resets(marks, first))
    later = torch.where(torch.arange(T)[:, None] >= 5, torch.inf, 0.0)
    dx, *dcarry = torch.autograd.grad((out * later).sum(), [x, *carry])
    assert not dx[:, :5].any()
    assert not any(leaf.any() for leaf in dcarry)


@pytest.mark.parametrize("cell", ["minGRU", "QRNN", "SRU"])
def test_what_crosses_is_changed_step_by_step(cell: str) -> None:
    """Options that change gradients between steps take the loop, and a kernel that cannot is refused."""
    core, loop = twins(cell)
    name = kernels_of(core)["stack"].kernel
    x, carry, _ = inputs(core)
    for each in (core, loop):
        assert each.use_crossing(Crossing(decay=0.5, clip=0.1))
    found, expected = (gradients(weighted(*each(x, carry)), each, x, carry) for each in (core, loop))
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
    with pytest.raises(ValueError, match=f"kernel={name} runs all steps at once.*; set kernel: auto or loop"):
        CELLS[cell](F, kernel=name).use_crossing(Crossing(clip=1.0))


def one_step(core: Cell, values: dict[str, list], carry: list[list[float]], x: list[float]) -> Any:
    core = core.double()
    for name, weight in core.stack.weights_of(0).items():
        weight.data.copy_(torch.tensor(values[name], dtype=torch.float64).view_as(weight))
    made = tuple(torch.tensor([[part]], dtype=torch.float64) for part in carry)
    out, end = core(torch.tensor([[x]], dtype=torch.float64), made)
    return out.flatten().tolist(), [leaf.flatten().tolist() for leaf in end]


def test_min_gru_by_hand() -> None:
    """z = sigmoid(ln 3) = 3/4, n = 2: h = 1/4 8 + 3/4 2 = 3.5."""
    given = {"weight_ih": [math.log(3), 2], "bias": [0, 0]}
    out, end = one_step(MinGRU(1, hidden_size=1), given, [[8.0]], [1.0])
    assert out == end[0] == pytest.approx([3.5], rel=1e-14)


def test_min_lstm_by_hand() -> None:
    """f = 3/4, i = 1/4, n = 2: h = 3/4 8 + 1/4 2; with f = 1/2 and i = 1/4 shares are 2/3 and 1/3.

    Gates that are shut as far as numbers go share out too: e^-1000 is zero, e^-1000 / (2 e^-1000) is not.
    """
    ln3 = math.log(3)
    for f, i, expected in ((ln3, -ln3, 6.5), (0.0, -ln3, 6.0), (-1000.0, -1000.0, 5.0)):
        given = {"weight_ih": [f, i, 2], "bias": [0, 0, 0]}
        out, _ = one_step(MinLSTM(1, hidden_size=1), given, [[8.0]], [1.0])
        assert out == pytest.approx([expected], rel=1e-14)


def test_qrnn_by_hand() -> None:
    """x_{t-1} = 2, x_t = 1: z = tanh(3 + 2), f = sigmoid(ln 3), o = 1/2; c = 3/4 4 + 1/4 z."""
    given = {"weight_ih": [[3, 1], [math.log(3), 0], [0, 0]], "bias": [0, 0, 0]}
    out, end = one_step(QRNN(1, hidden_size=1), given, [[4.0], [2.0]], [1.0])
    c = 3 + math.tanh(5) / 4
    assert out == pytest.approx([c / 2], rel=1e-14)
    assert end == [pytest.approx([c], rel=1e-14), [1.0]]


def test_sru_by_hand() -> None:
    """c = 2, x = 1: f = sigmoid(ln 3 + 2 - 2), r = sigmoid(-2 / 2 + 1); c' = 3/4 2 + 1/4 6."""
    given = {"weight_ih": [6, math.log(3), 0], "weight_c": [1, -0.5], "bias": [-2, 1]}
    out, end = one_step(SRU(1, hidden_size=1), given, [[2.0]], [1.0])
    assert (out, end[0]) == (pytest.approx([2.0], rel=1e-14), pytest.approx([3.0], rel=1e-14))
    aside = {**given, "weight_ih": [[6, 0], [math.log(3), 0], [0, 0], [0, 5]]}  # x of two numbers has a U
    out, _ = one_step(SRU(2, hidden_size=1), aside, [[2.0]], [1.0, 1.0])
    assert out == pytest.approx([4.0], rel=1e-14)


def test_lru_is_complex_arithmetic_in_numpy() -> None:
    core, _ = twins("LRU")
    x, (re, im), _ = inputs(core)
    w = {name: weight.detach().numpy() for name, weight in core.stack.weights_of(0).items()}
    rates = zip(w["nu_log"], w["theta_log"], strict=True)
    turn = np.array([cmath.exp(complex(-math.exp(nu), math.exp(theta))) for nu, theta in rates])
    b = w["weight_ih"][::2] + 1j * w["weight_ih"][1::2]
    c = w["weight_out"][:, ::2] - 1j * w["weight_out"][:, 1::2]
    s, outs = (re + 1j * im)[:, 0].detach().numpy(), []
    for step in x.detach().numpy().swapaxes(0, 1):
        s = turn * s + np.exp(w["gamma_log"]) * (step @ b.T)
        y = (s @ c.T).real + step @ w["weight_skip"].T
        outs.append(y * (1 + np.vectorize(math.erf)(y / math.sqrt(2))) / 2)
    out, end = core(x, (re, im))
    torch.testing.assert_close(out.detach(), torch.tensor(np.stack(outs, 1)), rtol=0, atol=1e-12)
    torch.testing.assert_close(torch.complex(*end)[:, 0].detach(), torch.tensor(s), rtol=0, atol=1e-12)


def test_first_eigenvalues_lie_on_the_ring_and_keep_the_size_of_what_is_read() -> None:
    torch.manual_seed(0)
    core = LRU(F, hidden_size=2000, layers=2, r_min=0.6, r_max=0.9, max_phase=1.0)
    for layer in range(2):
        nu, theta, gamma = (
            core.stack.weights_of(layer)[name].exp() for name in ("nu_log", "theta_log", "gamma_log")
        )
        radius = torch.exp(-nu)
        assert 0.6 <= radius.min() < 0.605
        assert 0.895 < radius.max() <= 0.9
        assert abs(radius.square().mean().item() - (0.36 + 0.81) / 2) < 0.01  # uniform by area
        assert abs(theta.mean().item() - 0.5) < 0.02
        assert theta.max() <= 1
        torch.testing.assert_close(gamma.square(), 1 - radius.square(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (partial(LRU, r_min=0.9, r_max=0.9), "need 0 <= r_min < r_max < 1, got r_min=0.9, r_max=0.9"),
        (partial(LRU, r_max=1.0), "got r_min=0.0, r_max=1.0"),
        (partial(LRU, max_phase=0.0), r"in \(0, 2 pi\], got max_phase=0.0"),
        (partial(QRNN, filter_width=0), "must be at least 1, got filter_width=0"),
        (
            partial(MinGRU, kernel="scan"),
            "kernel='scan', which MinGRU does not have; it has parallel, loop, or auto",
        ),
        (
            partial(SRU, kernel="parallel"),
            "kernel='parallel', which SRU does not have; it has scan, loop, or auto",
        ),
    ],
)
def test_what_is_refused(make: Callable[..., Cell], message: str) -> None:
    with pytest.raises(ValueError, match=f".*{message}"):
        make(F)


def test_kernels_by_name() -> None:
    taken = {name: kernels_of(make(F))["stack"].kernel for name, make in CELLS.items()}
    assert taken == {name: "scan" if "SRU" in name else "parallel" for name in CELLS}
    core = MinGRU(F)
    use_kernels(core, {"stack": ["parallel", 0]})
    assert kernels_of(core) == {"stack": Choice("parallel")}


def test_a_cell_that_changes_the_equations_is_run_by_them() -> None:
    class Slower(MinGRU):
        def step(self, drive, carry, weights):
            _, (h,) = super().step(drive, carry, weights)
            return h / 2, (h / 2,)

    assert kernels_of(Slower(F)) == {"stack": Choice("loop")}
