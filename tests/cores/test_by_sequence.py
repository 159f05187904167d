"""Summaries of rows in which sequences begin: each sequence's own, at the cost of one pass."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from torch import Tensor

from elman.cores import Centred, FeedForward, Pooled
from elman.cores._by_sequence import by_sequence, sequences
from elman.cores.pooled import running_max, running_mean
from elman.cores.resets import Resets, in_stretches

B, T, H = 4, 21, 3
LENGTHS = torch.tensor([T, 0, 13, 1])
SUMMARIES = {"max": running_max, "mean": running_mean}
every_summary = pytest.mark.parametrize("how", SUMMARIES)


def given(how: str, rate: float) -> tuple[Tensor, tuple[Tensor, ...], Resets]:
    """Values, a carry in the middle of things, and other ones to begin with."""
    draw = torch.Generator().manual_seed(5)
    values = torch.randn(B, T, H, dtype=torch.float64, generator=draw, requires_grad=True)
    both = torch.randn(2, B, H, dtype=torch.float64, generator=draw)
    carry, first = (
        (leaf,) if how == "max" else (leaf, torch.full((B, 1), count, dtype=torch.float64))
        for leaf, count in zip(both, (7.0, 2.0), strict=True)
    )
    begins = torch.rand(B, T, generator=draw) < rate
    return values, carry, Resets(begins, first)


def test_sequences_by_hand() -> None:
    begins = torch.zeros(3, 5, dtype=torch.bool)
    begins[0, 0] = begins[0, 3] = begins[2, 1] = begins[2, 2] = begins[2, 4] = True
    row, start, count = sequences(begins, torch.tensor([5, 0, 4]))
    assert row.tolist() == [0, 0, 2, 2, 2]
    assert start.tolist() == [0, 3, 0, 1, 2]
    assert count.tolist() == [3, 2, 1, 1, 2]
    assert [leaf.tolist() for leaf in sequences(begins[:1], None)] == [[0, 0], [0, 3], [3, 2]]


@every_summary
@pytest.mark.parametrize("rate", [0.0, 0.1, 0.6, 1.0])
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["even", "ragged"])
def test_as_stretch_by_stretch(how: str, rate: float, lengths: Tensor | None) -> None:
    values, carry, resets = given(how, rate)
    if lengths is not None:
        resets = resets._replace(begins=resets.begins & (torch.arange(T) < lengths[:, None]))

    def forward(x: Tensor, carry: tuple, lengths: Tensor | None) -> tuple[Tensor, tuple]:
        exist = torch.arange(x.shape[1]) < (x.shape[1] if lengths is None else lengths[:, None])
        exist = exist.expand(B, -1)[:, :, None]
        return SUMMARIES[how](x.masked_fill(~exist, 0), carry, exist)

    found = by_sequence(SUMMARIES[how], values, carry, lengths, resets)
    expected = in_stretches(forward, values, carry, lengths, resets)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    weights = torch.arange(1.0, values.numel() + 1, dtype=torch.float64).view_as(values).cos()
    grads = [torch.autograd.grad((out * weights).sum(), values)[0] for out, _ in (found, expected)]
    torch.testing.assert_close(*grads, rtol=1e-12, atol=1e-12)


@every_summary
def test_nothing_crosses_a_beginning(how: str) -> None:
    """Neither a value that is not finite nor the least gradient."""
    values, carry, resets = given(how, 0.0)
    resets.begins[:, 9] = True
    clean, _ = by_sequence(SUMMARIES[how], values, carry, None, resets)
    (slope,) = torch.autograd.grad(clean[:, 9:].sum(), values)
    assert not slope[:, :9].any()
    assert slope[:, 9:].any()
    broken = torch.where(torch.arange(T)[:, None] < 9, math.nan, values)
    found, _ = by_sequence(SUMMARIES[how], broken, carry, None, resets)
    assert torch.equal(found[:, 9:], clean[:, 9:])
    assert found[:, :9].isnan().all()


@every_summary
@pytest.mark.parametrize("rate", [0.05, 0.5, 1.0])
def test_one_pass_over_at_most_twice_the_values(how: str, rate: float) -> None:
    values, carry, resets = given(how, rate)
    held: list[int] = []

    def counted(piece: Tensor, carry: tuple, exist: Tensor) -> tuple[Tensor, tuple]:
        held.append(piece.numel())
        return SUMMARIES[how](piece, carry, exist)

    by_sequence(counted, values, carry, None, resets)
    assert values.numel() <= sum(held) < 2 * values.numel()
    assert len(held) <= math.log2(T) + 1


@pytest.mark.parametrize("outer", [partial(Pooled, how="max"), partial(Pooled, how="mean"), Centred])
def test_the_core_inside_runs_once(outer, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many sequences begin: its own way of beginning them is used."""
    core = outer(H, core=partial(FeedForward, hidden_size=4)).double()
    calls: list[int] = []
    run = FeedForward.forward

    def counted(self, x, *rest):
        calls.append(x.shape[1])
        return run(self, x, *rest)

    monkeypatch.setattr(FeedForward, "forward", counted)
    values, _, resets = given("max", 0.5)
    first = core.initial_carry(B)
    core.forward_from(values, first, None, resets._replace(first=first))
    assert calls == [T]
