"""The equations of docs/bptt.md: the functions they name exist, and their values are the code's."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from elman.bptt import Full, Truncated, decayed
from elman.cores import GRU, LSTM, Cell, Elman
from elman.cores._layout import Layout
from elman.cores._scan import scan
from elman.cores.crossing import Crossing

PAGE = (Path(__file__).parents[1] / "docs" / "bptt.md").read_text(encoding="utf-8")
NUMBERS = [int(number) for number in re.findall(r"^    \((\d+)\)", PAGE, re.MULTILINE)]
NAMES = sorted(set(re.findall(r"\s{2,}(elman\.[\w.]+)$", PAGE, re.MULTILINE)))
T, F, H = 6, 3, 4
CHECKS: dict[int, Callable[[], None]] = {}


def equation(*numbers: int) -> Callable[[Callable[[], None]], Callable[[], None]]:
    def keep(check: Callable[[], None]) -> Callable[[], None]:
        CHECKS.update(dict.fromkeys(numbers, check))
        return check

    return keep


def test_each_equation_is_checked() -> None:
    assert list(range(1, len(NUMBERS) + 1)) == NUMBERS
    assert set(CHECKS) == set(NUMBERS)


@pytest.mark.parametrize("name", NAMES)
def test_what_computes_it_exists(name: str) -> None:
    parts = name.split(".")
    for depth in range(len(parts) - 1, 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:depth]))
        except ModuleNotFoundError:
            continue
        for part in parts[depth:]:
            found = getattr(found, part)
        assert callable(found)
        return
    raise AssertionError(name)


@pytest.mark.parametrize("number", NUMBERS)
def test_its_value_is_the_codes(number: int) -> None:
    CHECKS[number]()


class Ran(NamedTuple):
    """One row through one layer by the scan, L = sum of e_t h_t, and what the scan gives for gradients.

    Vectors are (T, ...), a step a line; h and c begin with the carry.
    """

    x: Tensor
    h: Tensor
    c: Tensor
    e: Tensor
    u: Tensor
    w: Tensor
    b_ih: Tensor
    b_hh: Tensor
    gradient: dict[str, Tensor]


def ran(core: Cell) -> Ran:
    torch.manual_seed(4)
    core = core.double()
    weights = [torch.randn_like(p).mul_(0.6).requires_grad_() for p in core.parameters()]
    x, e = (torch.randn(T, n, dtype=torch.float64) for n in (F, H))
    x.requires_grad_()
    carry = [torch.randn(1, H, dtype=torch.float64).requires_grad_() for _ in range(core.carry_parts)]
    units = core.pointwise()
    assert units is not None
    out, _ = scan(units, x, tuple(carry), weights, Layout([1] * T))
    leaves = {"x": x, "h0": carry[0], **dict(zip(("u", "w", "b_ih", "b_hh"), weights, strict=True))}
    found = torch.autograd.grad((e * out).sum(), list(leaves.values()))
    c = torch.zeros(T + 1, H, dtype=torch.float64)
    state = tuple(leaf.detach() for leaf in carry)
    for t in range(T if core.carry_parts == 2 else 0):  # c is not part of the outputs
        c[t] = state[1][0]
        _, state = scan(units, x[t : t + 1].detach(), state, [w.detach() for w in weights], Layout([1]))
        c[t + 1] = state[1][0]
    h = torch.cat([carry[0], out]).detach()
    u, w, b_ih, b_hh = (weight.detach() for weight in weights)
    return Ran(x.detach(), h, c, e, u, w, b_ih, b_hh, dict(zip(leaves, found, strict=True)))


def close(one: Tensor, other: Tensor) -> None:
    torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def weights_follow(r: Ran, drive: Tensor, product: Tensor) -> None:
    """Equations 4 to 6 out of the gradients (T, G H) by what a step reads of x and of h."""
    close(r.gradient["w"], product.T @ r.h[:-1])
    close(r.gradient["u"], drive.T @ r.x)
    close(r.gradient["b_ih"], drive.sum(0))
    close(r.gradient["b_hh"], product.sum(0))
    close(r.gradient["x"], drive @ r.u)


def elman_steps(r: Ran, slope: Callable[[Tensor], Tensor]) -> Tensor:
    da, after = torch.zeros(T, H, dtype=torch.float64), torch.zeros(H, dtype=torch.float64)
    for t in reversed(range(T)):
        m = r.e[t] + after  # 2
        da[t] = slope(r.h[t + 1]) * m  # 3
        after = r.w.T @ da[t]
    close(r.gradient["h0"][0], after)
    return da


@equation(1, 2, 3, 4, 5, 6)
def check_elman() -> None:
    slopes = {
        "tanh": lambda h: 1 - h**2,
        "sigmoid": lambda h: h * (1 - h),
        "relu": lambda h: (h > 0).double(),
    }
    phis = {"tanh": torch.tanh, "sigmoid": torch.sigmoid, "relu": torch.relu}
    for name, slope in slopes.items():
        r = ran(Elman(F, hidden_size=H, nonlinearity=name))  # type: ignore[arg-type]
        close(r.h[1:], phis[name](r.x @ r.u.T + r.b_ih + r.b_hh + r.h[:-1] @ r.w.T))  # 1
        da = elman_steps(r, slope)
        weights_follow(r, da, da)


@equation(7)
def check_layers() -> None:
    """What reaches the lower layer of two from above."""
    for residual in (False, True):
        torch.manual_seed(5)
        core = Elman(F, hidden_size=H, layers=2, residual=residual, kernel="scan").double()
        x = torch.randn(1, T, F, dtype=torch.float64, requires_grad=True)
        e = torch.randn(T, H, dtype=torch.float64)
        out, _ = core(x, core.initial_carry(1))
        (dx,) = torch.autograd.grad((e * out[0]).sum(), x)
        weights = [parameter.detach() for parameter in core.parameters()]
        low, high = weights[:4], weights[4:]
        h = [torch.zeros(T + 1, H, dtype=torch.float64) for _ in range(2)]
        for layer, (u, w, b, c) in enumerate((low, high)):
            read = x[0].detach() if layer == 0 else h[0][1:]
            for t in range(T):
                h[layer][t + 1] = torch.tanh(u @ read[t] + b + w @ h[layer][t] + c)
        down = e
        for layer, (u, w, _, _) in reversed(list(enumerate((low, high)))):
            da, after = torch.zeros(T, H, dtype=torch.float64), torch.zeros(H, dtype=torch.float64)
            for t in reversed(range(T)):
                da[t] = (1 - h[layer][t + 1] ** 2) * (down[t] + after)
                after = w.T @ da[t]
            down = da @ u + (down if residual and layer else 0)
        close(dx[0], down)


@equation(8, 10)
def check_products_of_jacobians() -> None:
    r = ran(Elman(F, hidden_size=H))
    units, weights = Elman(F, hidden_size=H).pointwise(), [r.u, r.w, r.b_ih, r.b_hh]
    norm = torch.linalg.matrix_norm(r.w, 2)
    for t, s in _pairs():
        start = r.h[s : s + 1].clone().requires_grad_()
        out, _ = scan(units, r.x[s:t], (start,), weights, Layout([1] * (t - s)))
        (found,) = torch.autograd.grad((r.e[t - 1] * out[-1]).sum(), start)
        product = r.e[t - 1]
        for step in range(t, s, -1):
            product = (torch.diag(1 - r.h[step] ** 2) @ r.w).T @ product
        close(found[0], product)
        assert found.norm() <= norm ** (t - s) * r.e[t - 1].norm()


def _pairs() -> Iterator[tuple[int, int]]:
    return ((t, s) for t in range(1, T + 1) for s in range(t))


@equation(9)
def check_credit() -> None:
    """A strategy's gradient is the sum of the terms that its credit matrix names."""
    bptt = Truncated(k1=2, k2=3)
    r = ran(Elman(F, hidden_size=H))
    credit = bptt.credit_matrix(T)
    expected = torch.zeros_like(r.w)
    for t in range(T):
        m = r.e[t]
        for s in range(t, -1, -1):  # L_t back to the copy of step s
            da = (1 - r.h[s + 1] ** 2) * m
            expected += credit[t, s] * torch.outer(da, r.h[s])
            m = r.w.T @ da
    units, found = Elman(F, hidden_size=H).pointwise(), torch.zeros_like(r.w)
    for first in range(0, T, 2):
        begin, end = max(0, first + 2 - 3), first + 2
        w = r.w.clone().requires_grad_()
        out, _ = scan(
            units,
            r.x[begin:end],
            (r.h[begin : begin + 1],),
            [r.u, w, r.b_ih, r.b_hh],
            Layout([1] * (end - begin)),
        )
        (part,) = torch.autograd.grad((r.e[first:end] * out[first - begin :]).sum(), w)
        found += part
    close(found, expected)


@equation(11, 12, 13, 14)
def check_lstm() -> None:
    r = ran(LSTM(F, hidden_size=H))
    a = r.x @ r.u.T + r.b_ih + r.b_hh + r.h[:-1] @ r.w.T
    i, f, o = (torch.sigmoid(a.split(H, 1)[block]) for block in (0, 1, 3))
    g = torch.tanh(a.split(H, 1)[2])
    close(r.c[1:], f * r.c[:-1] + i * g)  # 11
    close(r.h[1:], o * torch.tanh(r.c[1:]))
    da = torch.zeros(T, 4 * H, dtype=torch.float64)
    after, dc = torch.zeros(H, dtype=torch.float64), torch.zeros(H, dtype=torch.float64)
    for t in reversed(range(T)):
        m, shown = r.e[t] + after, torch.tanh(r.c[t + 1])
        dc = m * o[t] * (1 - shown**2) + dc  # 12
        da[t] = torch.cat(
            [
                dc * g[t] * i[t] * (1 - i[t]),
                dc * r.c[t] * f[t] * (1 - f[t]),
                dc * i[t] * (1 - g[t] ** 2),
                m * shown * o[t] * (1 - o[t]),
            ]
        )  # 13
        after, dc = r.w.T @ da[t], f[t] * dc  # 14
    close(r.gradient["h0"][0], after)
    weights_follow(r, da, da)


@equation(15, 16, 17)
def check_gru() -> None:
    r = ran(GRU(F, hidden_size=H))
    drive, product = r.x @ r.u.T + r.b_ih, r.h[:-1] @ r.w.T + r.b_hh
    reset, z = (torch.sigmoid((drive + product).split(H, 1)[block]) for block in (0, 1))
    u = product[:, 2 * H :]
    n = torch.tanh(drive[:, 2 * H :] + reset * u)
    close(r.h[1:], (1 - z) * n + z * r.h[:-1])  # 15
    by_x, by_h = (torch.zeros(T, 3 * H, dtype=torch.float64) for _ in range(2))
    after = torch.zeros(H, dtype=torch.float64)
    for t in reversed(range(T)):
        m = r.e[t] + after
        dn = m * (1 - z[t]) * (1 - n[t] ** 2)
        dr = dn * u[t] * reset[t] * (1 - reset[t])
        dz = m * (r.h[t] - n[t]) * z[t] * (1 - z[t])
        by_x[t], by_h[t] = torch.cat([dr, dz, dn]), torch.cat([dr, dz, dn * reset[t]])  # 16
        after = z[t] * m + r.w.T @ by_h[t]  # 17
    close(r.gradient["h0"][0], after)
    weights_follow(r, by_x, by_h)


@equation(18)
def check_beginnings() -> None:
    """A row of two sequences: the second begins at step s with a first state of its own."""
    s, r = 3, ran(Elman(F, hidden_size=H))
    units, first = (
        Elman(F, hidden_size=H).pointwise(),
        torch.randn(1, H, dtype=torch.float64).requires_grad_(),
    )
    start, w = r.h[:1].clone().requires_grad_(), r.w.clone().requires_grad_()
    begins = torch.arange(T)[None] == s
    layout = Layout([1] * T, begins=begins)
    out, _ = scan(units, r.x, (start,), [r.u, w, r.b_ih, r.b_hh], layout, first=(first,))
    found = torch.autograd.grad((r.e * out).sum(), [w, start, first])
    before = torch.cat([r.h[:1], out[:-1]]).detach()
    before[s] = first.detach()
    da, after = torch.zeros(T, H, dtype=torch.float64), torch.zeros(H, dtype=torch.float64)
    for t in reversed(range(T)):
        da[t] = (1 - out[t].detach() ** 2) * (r.e[t] + after)
        after = r.w.T @ da[t]
        if t == s:
            close(found[2][0], after)
            after = torch.zeros_like(after)
    close(found[0], da.T @ before)
    close(found[1][0], after)


@equation(19, 20)
def check_the_way_back() -> None:
    r, c, g = ran(LSTM(F, hidden_size=H)), 0.2, 0.7
    units, weights = LSTM(F, hidden_size=H).pointwise(), [r.u, r.w, r.b_ih, r.b_hh]
    for crossing in (Crossing(g, c), Crossing(g)):
        w, start = r.w.clone().requires_grad_(), [h.clone().requires_grad_() for h in (r.h[:1], r.c[:1])]
        given = [r.u, w, r.b_ih, r.b_hh]
        out, _ = scan(units, r.x, tuple(start), given, Layout([1] * T), crossing=crossing)
        found, *dstart = torch.autograd.grad((r.e * out).sum(), [w, *start])
        expected, back = torch.zeros_like(r.w), [torch.zeros(1, H, dtype=torch.float64)] * 2
        for t in reversed(range(T)):  # a step alone, from what comes back and what enters
            w, before = (
                r.w.clone().requires_grad_(),
                [h[t : t + 1].clone().requires_grad_() for h in (r.h, r.c)],
            )
            _, end = scan(units, r.x[t : t + 1], tuple(before), [r.u, w, r.b_ih, r.b_hh], Layout([1]))
            total = (end[0] * (r.e[t] + back[0])).sum() + (end[1] * back[1]).sum()
            own, *handed = torch.autograd.grad(total, [w, *before])
            expected += own
            back = [crossing.changed(v) for v in handed]  # 19
            close(back[0], (g * handed[0]).clamp(-crossing.clip, crossing.clip))
        close(found, expected)
        for one, other in zip(dstart, back, strict=True):
            close(one, other)
    credit, by_pairs = decayed(Full().credit_matrix(T), g), torch.zeros_like(r.w)
    for t in range(T):
        copies = [r.w.clone().requires_grad_() for _ in range(t + 1)]
        carry = (r.h[:1], r.c[:1])
        for s, copy in enumerate(copies):
            out, carry = scan(units, r.x[s : s + 1], carry, [r.u, copy, *weights[2:]], Layout([1]))
        pairs = torch.autograd.grad((r.e[t] * out).sum(), copies)
        by_pairs += sum(credit[t, s] * pair for s, pair in enumerate(pairs))
    close(found, by_pairs)  # 20; that of the second crossing
