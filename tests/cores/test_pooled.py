"""Pooled against a loop over rows and steps."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn

from elman.cores import LSTM, Bidirectional, Elman, FeedForward, Pooled
from elman.inputs import Dense, FirstCarry
from elman.tree import detached

B, T, F, H = 4, 7, 3, 5
LENGTHS = torch.tensor([3, 0, 7, 1])
EXACT = {"rtol": 1e-12, "atol": 1e-12}
both = pytest.mark.parametrize("how", ["max", "mean"])


def build(how, inner=LSTM):
    torch.manual_seed(1)
    return Pooled(F, core=partial(inner, hidden_size=H), how=how).double()


def by_loop(core, x, carry, lengths):
    """Each row alone: the summary of all h so far, together with what the carry remembers."""
    leaves = len(core.core.initial_carry(1))
    h, end = core.core(x, carry[:leaves], lengths)
    summaries, afters = [], []
    for b in range(len(x)):
        after, row = [leaf[b] for leaf in carry[leaves:]], []
        for t in range(int(lengths[b])):
            if core.how == "max":
                after = [torch.stack([after[0], h[b, t]]).amax(0)]
                row.append(after[0])
            else:
                after = [after[0] + h[b, t], after[1] + 1]
                row.append(after[0] / after[1])
        row += [h.new_zeros(h.shape[2])] * (x.shape[1] - len(row))
        summaries.append(torch.stack(row))
        afters.append(after)
    ends = tuple(torch.stack(leaf) for leaf in zip(*afters, strict=True))
    return torch.cat([h, torch.stack(summaries)], 2), (*end, *ends)


@both
@pytest.mark.parametrize("inner", [LSTM, Elman, FeedForward], ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["none", "ragged"])
@pytest.mark.parametrize("fresh", [True, False], ids=["fresh", "carried"])
def test_equals_the_loop(how, inner, lengths, fresh):
    core = build(how, inner)
    torch.manual_seed(2)
    x = torch.randn(B, T, F, dtype=torch.float64, requires_grad=True)
    carry = core.initial_carry(B)
    if not fresh:
        carry = detached(core(torch.randn(B, 4, F, dtype=torch.float64), carry)[1])
    got = core(x, carry, lengths)
    expected = by_loop(core, x, carry, torch.full((B,), T) if lengths is None else lengths)
    assert got[0].shape == (B, T, core.output_size) == (B, T, 2 * H)
    torch.testing.assert_close(got, expected, **EXACT)
    weights = torch.randn(B, T, 2 * H, dtype=torch.float64)
    grads = [
        torch.autograd.grad((out * weights).sum(), [*core.parameters(), x]) for out, _ in (got, expected)
    ]
    torch.testing.assert_close(*grads, **EXACT)


class Echoing(FeedForward):
    """Gives out what it reads."""

    def forward(self, x, carry, lengths=None):
        return x, carry


def test_by_hand():
    """One unit whose output is x: 2, -1, 3 and, in another batch, 1."""

    x = torch.tensor([2.0, -1.0, 3.0]).view(1, 3, 1)
    for how, expected in [("max", [[2.0, 2, 3], [3.0]]), ("mean", [[2, 0.5, 4 / 3], [1.25]])]:
        core = Pooled(1, core=partial(Echoing, hidden_size=1), how=how)
        out, carry = core(x, core.initial_carry(1))
        torch.testing.assert_close(out[0, :, 1], torch.tensor(expected[0]))
        out, _ = core(torch.ones(1, 1, 1), carry)
        torch.testing.assert_close(out[0, :, 1], torch.tensor(expected[1]))


def test_a_maximum_below_zero_is_kept():
    core = build("max")
    out, _ = core(torch.randn(B, T, F, dtype=torch.float64), core.initial_carry(B), LENGTHS)
    assert torch.equal(out[[0, 2, 3], 0, H:], out[[0, 2, 3], 0, :H])
    assert (out[[0, 2, 3], 0, H:] < 0).any()


@both
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
def test_first_carry(how, dtype):
    core = build(how).to(dtype)
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    carry = core.initial_carry(B)
    assert [leaf.shape for leaf in carry] == [(B, 1, H)] * 2 + [(B, H)] + [(B, 1)] * (how == "mean")
    assert [leaf.dtype for leaf in carry] == [wide] * 2 + ([wide] if how == "max" else [torch.float64] * 2)
    assert all(leaf.isfinite().all() for leaf in carry)


def test_a_mean_over_more_steps_than_float32_counts():
    """2^24 ones and three threes: in float32 neither the sum nor the count would move."""
    core = Pooled(1, core=partial(Echoing, hidden_size=1), how="mean")
    *inner, total, count = core.initial_carry(1)
    assert next(core.parameters()).dtype == torch.float32
    carry = (*inner, total + 2**24, count + 2**24)
    for _ in range(3):
        out, carry = core(torch.full((1, 1, 1), 3.0), carry)
    assert carry[-1].item() == 2**24 + 3
    assert carry[-2].item() == 2**24 + 9
    assert out[0, 0, 1].item() == pytest.approx((2**24 + 9) / (2**24 + 3), rel=1e-6)


def test_what_is_inside_decides_whether_it_streams():
    assert build("max").streams
    assert not Pooled(F, core=Bidirectional).streams
    assert Pooled(F, core=Bidirectional).output_size == 512


def test_an_encoder_cannot_begin_a_maximum():
    with pytest.raises(ValueError, match="Pooled's is not"):
        FirstCarry(Dense(2), build("max").float())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"how": "last"}, "how must be 'max' or 'mean', got 'last'"),
        ({"core": lambda n: nn.Linear(n, 4)}, r"core must make an elman\.cores\.Core, got Linear"),
    ],
)
def test_impossible_values_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Pooled(F, **options)
