"""Centred against a loop over rows and steps."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from torch import nn

from elman.cores import GRU, LSTM, Bidirectional, Centred, FeedForward
from elman.inputs import Dense, FirstCarry
from elman.tree import detached

B, T, F, H = 4, 7, 3, 5
LENGTHS = torch.tensor([3, 0, 7, 1])
EXACT = {"rtol": 1e-12, "atol": 1e-12}


class Echoing(FeedForward):
    """Gives out what it reads."""

    def forward(self, x, carry, lengths=None):
        return x, carry


def build(inner=LSTM, **options):
    torch.manual_seed(1)
    return Centred(F, core=partial(inner, hidden_size=H), **options).double()


def by_loop(core, x, carry, lengths):
    """Each row alone: the mean of what was read so far is taken away before the inner core reads it."""
    leaves = len(core.core.initial_carry(1))
    rows, afters = [], []
    for b in range(len(x)):
        total, count = (leaf[b] for leaf in carry[leaves:])
        row = []
        for t in range(int(lengths[b])):
            total, count = total + x[b, t], count + 1
            centred = x[b, t] - total / count
            row.append(torch.cat([x[b, t], centred]) if core.both else centred)
        row += [x.new_zeros(core.core.input_size)] * (x.shape[1] - len(row))
        rows.append(torch.stack(row))
        afters.append((total, count))
    out, end = core.core(torch.stack(rows), carry[:leaves], lengths)
    return out, (*end, *(torch.stack(leaf) for leaf in zip(*afters, strict=True)))


@pytest.mark.parametrize("options", [{}, {"prior": 3}, {"both": True}], ids=str)
@pytest.mark.parametrize("inner", [LSTM, GRU, FeedForward], ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["none", "ragged"])
@pytest.mark.parametrize("fresh", [True, False], ids=["fresh", "carried"])
def test_equals_the_loop(options, inner, lengths, fresh):
    core = build(inner, **options)
    torch.manual_seed(2)
    x = torch.randn(B, T, F, dtype=torch.float64, requires_grad=True)
    carry = core.initial_carry(B)
    if not fresh:
        carry = detached(core(torch.randn(B, 4, F, dtype=torch.float64), carry)[1])
    got = core(x, carry, lengths)
    expected = by_loop(core, x, carry, torch.full((B,), T) if lengths is None else lengths)
    assert got[0].shape == (B, T, core.output_size) == (B, T, H)
    torch.testing.assert_close(got, expected, **EXACT)
    weights = torch.randn(B, T, H, dtype=torch.float64)
    grads = [
        torch.autograd.grad((out * weights).sum(), [*core.parameters(), x]) for out, _ in (got, expected)
    ]
    torch.testing.assert_close(*grads, **EXACT)


@pytest.mark.parametrize(("prior", "expected"), [(0, [0, -1.5, 5 / 3]), (2, [4 / 3, -1.25, 2.2])])
def test_by_hand(prior, expected):
    """2, -1, 3 and, in another batch, 1, after which four steps have a sum of 5."""
    x = torch.tensor([2.0, -1.0, 3.0]).view(1, 3, 1)
    core = Centred(1, core=partial(Echoing, hidden_size=1), prior=prior)
    out, carry = core(x, core.initial_carry(1))
    torch.testing.assert_close(out.flatten(), torch.tensor(expected))
    out, carry = core(torch.ones(1, 1, 1), carry)
    assert out.item() == pytest.approx(1 - 5 / (prior + 4))
    assert [leaf.tolist() for leaf in carry] == [[[5.0]], [[prior + 4.0]]]


def test_an_offset_of_a_row_is_not_seen():
    core, x = build(), torch.randn(B, T, F, dtype=torch.float64)
    out, _ = core(x, core.initial_carry(B))
    moved, _ = core(x + torch.randn(B, 1, F, dtype=torch.float64), core.initial_carry(B))
    torch.testing.assert_close(moved, out, **EXACT)


def test_padding_may_hold_anything():
    core, x = build(both=True), torch.randn(B, T, F, dtype=torch.float64)
    beyond = torch.arange(T) >= LENGTHS.unsqueeze(1)
    filled = x.masked_fill(beyond.unsqueeze(2), math.nan)
    expected = core(x, core.initial_carry(B), LENGTHS)
    torch.testing.assert_close(core(filled, core.initial_carry(B), LENGTHS), expected, rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
def test_first_carry(dtype):
    core = build(prior=4).to(dtype)
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    *inner, total, count = core.initial_carry(B)
    assert [leaf.shape for leaf in (*inner, total, count)] == [(B, 1, H)] * 2 + [(B, F), (B, 1)]
    assert [leaf.dtype for leaf in (*inner, total, count)] == [wide] * 2 + [torch.float64] * 2
    assert not total.any()
    assert count.tolist() == [[4]] * B


def test_what_is_inside_decides_whether_it_streams():
    assert build().streams
    assert not Centred(F, core=Bidirectional).streams
    assert Centred(F, core=Bidirectional).output_size == 256
    assert build(both=True).core.input_size == 2 * F


def test_an_encoder_cannot_begin_a_count():
    with pytest.raises(ValueError, match="Centred's is not"):
        FirstCarry(Dense(2), build(prior=1).float())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prior": -1}, "prior counts steps and must be at least 0, got prior=-1"),
        ({"core": lambda n: nn.Linear(n, 4)}, r"core must make an elman\.cores\.Core, got Linear"),
    ],
)
def test_impossible_values_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Centred(F, **options)


def test_a_mean_over_more_steps_than_float32_counts():
    """2^24 ones and then steps of two, one by one: in float32 neither the sum nor the count would move."""
    core = Centred(1, core=partial(Echoing, hidden_size=1))
    *inner, total, count = core.initial_carry(1)
    carry = (*inner, total + 2**24, count + 2**24)
    for _ in range(5):
        out, carry = core(torch.full((1, 1, 1), 2.0), carry)
    assert carry[-1].item() == 2**24 + 5
    assert carry[-2].item() == 2**24 + 10
    assert out.item() == pytest.approx(2 - (2**24 + 10) / (2**24 + 5), rel=1e-6)
