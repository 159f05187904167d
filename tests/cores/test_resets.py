"""Sequences that begin inside rows: as if each were run alone, by every kernel and core that streams."""

from __future__ import annotations

from functools import partial
from itertools import pairwise, product
from typing import Any

import core_rows
import pytest
import torch
from core_rows import gradients, weighted
from pairwise import pairs
from torch import Tensor

from elman.cores import GRU, LSTM, Cell, Core, Elman
from elman.cores._layout import BLOCK
from elman.cores.kernels import MOST_CUTS, use_kernels
from elman.cores.resets import Resets

B, F, H = 5, 3, 4
T = BLOCK + 9
LENGTHS = torch.tensor([T, BLOCK + 1, 0, 3, T])
CELLS = {
    "tanh": Elman,
    "relu": partial(Elman, nonlinearity="relu"),
    "GRU": GRU,
    "LSTM": LSTM,
}
KERNELS = ("fused", "native", "scan", "loop")
FORMS: dict[str, dict] = {"plain": {}, "deep": {"layers": 3}, "residual": {"layers": 3, "residual": True}}


def begins(rate: float, lengths: Tensor | None) -> Tensor:
    """(B, T), at random; row 0 begins at the very last step, so that the last row is not all."""
    draw = torch.Generator().manual_seed(4)
    marks = torch.rand(B, T, generator=draw) < rate
    marks[0, -1] = True
    return marks if lengths is None else marks & (torch.arange(T) < lengths[:, None])


def inputs(core: Core) -> tuple[Tensor, tuple[Tensor, ...], tuple[Tensor, ...]]:
    torch.manual_seed(2)
    x = torch.randn(B, T, F, dtype=torch.float64, requires_grad=True)
    carry, first = (
        tuple(torch.randn_like(leaf).requires_grad_() for leaf in core.initial_carry(B)) for _ in range(2)
    )
    return x, carry, first


def one_by_one(
    core: Core, x: Tensor, carry: tuple, lengths: Tensor | None, resets: Resets
) -> tuple[Tensor, tuple]:
    """Every sequence of every row in a call of its own."""
    outs, ends = [], []
    for row in range(B):
        count = T if lengths is None else int(lengths[row])
        cuts = [t for t in range(1, count) if resets.begins[row, t]]
        now, out = tuple(leaf[row : row + 1] for leaf in carry), []
        for start, stop in pairwise([0, *cuts, count]):
            if start:
                now = tuple(leaf[row : row + 1] for leaf in resets.first)
            if start < stop:
                piece, now = core(x[row : row + 1, start:stop], now)
                out.append(piece)
        out.append(x.new_zeros(1, T - count, core.output_size))
        outs.append(torch.cat(out, 1))
        ends.append(now)
    return torch.cat(outs), tuple(map(torch.cat, zip(*ends, strict=True)))


def held_to_one_by_one(core: Core, reference: Core, lengths: Tensor | None, rate: float) -> None:
    x, carry, first = inputs(core)
    resets = Resets(begins(rate, lengths), first)
    found = core.forward_from(x, carry, lengths, resets)
    expected = one_by_one(reference, x, carry, lengths, resets)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-11)
    by_hand, alone = (
        gradients(weighted(*ran), each, x, (*carry, *first))
        for ran, each in ((found, core), (expected, reference))
    )
    for one, other in zip(by_hand, alone, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)
    with torch.no_grad():
        torch.testing.assert_close(core.forward_from(x, carry, lengths, resets), expected, rtol=0, atol=1e-11)


def twins(cell: str, kernel: str, **options: Any) -> tuple[Cell, Cell]:
    torch.manual_seed(1)
    made = [CELLS[cell](F, hidden_size=H, kernel=name, **options).double() for name in (kernel, "loop")]
    with torch.no_grad():
        for parameter in made[0].parameters():
            parameter.uniform_(-0.8, 0.8)
    made[1].load_state_dict(made[0].state_dict())
    return made[0], made[1]


@pytest.mark.parametrize(
    ("one", "form", "rate", "ragged"),
    pairs(product(CELLS, KERNELS), FORMS, [0.0, 0.05, 0.5], [False, True]),
    ids=lambda given: "-".join(given) if isinstance(given, tuple) else str(given),
)
def test_each_kernel(one: tuple[str, str], form: str, rate: float, ragged: bool) -> None:
    core, reference = twins(*one, **FORMS[form])
    held_to_one_by_one(core, reference, LENGTHS if ragged else None, rate)


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["even", "ragged"])
@pytest.mark.parametrize("row", [r for r in core_rows.TRAINED if r.make().streams], ids=str)
def test_each_core(row: core_rows.Row, lengths: Tensor | None) -> None:
    torch.manual_seed(1)
    core = row.make(F, hidden_size=H, layers=2, **(row.trained or {})).double()
    held_to_one_by_one(core, core, lengths, 0.2)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("cell", CELLS)
def test_no_gradient_crosses_a_beginning(cell: str, kernel: str) -> None:
    """Exactly none, not a small one, also where what comes after is not finite."""
    core, _ = twins(cell, kernel, layers=2)
    x, carry, first = inputs(core)
    marks = torch.zeros(B, T, dtype=torch.bool)
    marks[:, 10] = marks[1, BLOCK] = True
    out, _ = core.forward_from(x, carry, None, Resets(marks, first))
    later = torch.where(torch.arange(T)[:, None] >= 10, torch.inf, 0.0)
    dx, *dcarry = torch.autograd.grad((out * later).sum(), [x, *carry], retain_graph=True)
    assert not dx[:, :10].any()
    assert not any(leaf.any() for leaf in dcarry)
    (dx,) = torch.autograd.grad(out[1, BLOCK:].sum(), x, retain_graph=True)
    assert not dx[1, :BLOCK].any()
    (dx,) = torch.autograd.grad(out[0, BLOCK:].sum(), x)
    assert bool((dx[0, 10 : BLOCK + 1] != 0).any(1).all())


def test_fused_is_cut_where_few_rows_begin_and_left_where_many_do(monkeypatch: pytest.MonkeyPatch) -> None:
    core = LSTM(F, hidden_size=H).double()
    calls: list[str] = []
    for name in ("_run_fused", "_unroll"):
        ran = getattr(core.stack, name)
        monkeypatch.setattr(
            core.stack, name, lambda *given, name=name, ran=ran: calls.append(name) or ran(*given)
        )
    x, carry, first = inputs(core)
    few = torch.zeros(B, T, dtype=torch.bool)
    few[0, 3] = few[1, 3] = few[2, 9] = True
    use_kernels(core, {"stack": ["fused", 0, MOST_CUTS]})
    core.forward_from(x, carry, None, Resets(few, first))
    assert calls == ["_run_fused"] * 3
    calls.clear()
    many = few.clone()
    many[1, : int(MOST_CUTS * T) + 3] = True
    core.forward_from(x, carry, None, Resets(many, first))
    assert calls == ["_unroll"]
    calls.clear()
    use_kernels(core, {"stack": ["fused"]})
    core.forward_from(x, carry, None, Resets(few, first))
    assert calls == ["_run_fused"] * 3
