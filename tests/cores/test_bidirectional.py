"""Bidirectional against torch's own, and against its two halves."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn

from elman.cores import GRU, LSTM, Bidirectional, Elman, Pooled
from elman.cores.bidirectional import reversed_rows

B, T, F, H = 4, 7, 3, 5
LENGTHS = torch.tensor([3, 1, 7, 6])  # torch packs no row of length 0
EXACT = {"rtol": 1e-12, "atol": 1e-12}
KINDS = [(LSTM, nn.LSTM), (GRU, nn.GRU), (Elman, nn.RNN)]
every_kind = pytest.mark.parametrize(("ours", "theirs"), KINDS, ids=["lstm", "gru", "elman"])


def pair(ours, theirs):
    """A Bidirectional and torch's, with the same weights, none of them zero."""
    torch.manual_seed(1)
    core = Bidirectional(F, core=partial(ours, hidden_size=H)).double()
    other = theirs(F, H, batch_first=True, bidirectional=True).double()
    with torch.no_grad():
        for mine, its in zip(core.parameters(), other.parameters(), strict=True):
            mine.copy_(its.uniform_(-0.8, 0.8))
    return core, other


def by_torch(other, x, carry, lengths):
    """(out, carry) of torch's; each leaf of its carry is (2, B, H), forward then backward."""
    half = len(carry) // 2
    starts = tuple(torch.stack([f[:, 0], b[:, 0]]) for f, b in zip(carry[:half], carry[half:], strict=True))
    start = starts if half > 1 else starts[0]
    if lengths is None:
        out, ends = other(x, start)
    else:
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        packed_out, ends = other(packed, start)
        out, _ = nn.utils.rnn.pad_packed_sequence(packed_out, batch_first=True, total_length=T)
    ends = ends if half > 1 else (ends,)
    return out, tuple(end[direction][:, None] for direction in range(2) for end in ends)


@every_kind
@pytest.mark.parametrize("lengths", [None, torch.full((B,), T), LENGTHS], ids=["none", "full", "ragged"])
def test_equals_torch(ours, theirs, lengths):
    core, other = pair(ours, theirs)
    torch.manual_seed(2)
    x = torch.randn(B, T, F, dtype=torch.float64, requires_grad=True)
    carry = tuple(torch.randn_like(leaf).requires_grad_() for leaf in core.initial_carry(B))
    got, expected = core(x, carry, lengths), by_torch(other, x, carry, lengths)
    assert got[0].shape == (B, T, core.output_size) == (B, T, 2 * H)
    torch.testing.assert_close(got, expected, **EXACT)
    weights = torch.randn(B, T, 2 * H, dtype=torch.float64)
    grads = [
        torch.autograd.grad((out * weights).sum(), [*net.parameters(), x, *carry], allow_unused=True)
        for net, (out, _) in ((core, got), (other, expected))
    ]
    torch.testing.assert_close(*grads, **EXACT)


def test_what_each_half_reads():
    """Row 0 has 3 steps: forward output t depends on inputs up to t, backward output t those from t to 2."""
    core, _ = pair(LSTM, nn.LSTM)
    x = torch.randn(1, T, F, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(
        lambda v: core(v, core.initial_carry(1), torch.tensor([3]))[0][0], x
    )[:, :, 0]  # (T, 2H, T, F)
    forward, backward = (part.abs().sum((1, 3)) > 0 for part in jacobian.split(H, 1))
    exists = (torch.arange(T) < 3).float()
    both = torch.outer(exists, exists)
    assert torch.equal(forward, both.tril().bool())
    assert torch.equal(backward, both.triu().bool())


def test_reversed_rows_by_hand():
    x = torch.arange(8.0).view(2, 4, 1)
    assert reversed_rows(x, torch.tensor([3, 0])).flatten(1).tolist() == [[2, 1, 0, 3], [4, 5, 6, 7]]
    assert reversed_rows(x, None).flatten(1).tolist() == [[3, 2, 1, 0], [7, 6, 5, 4]]
    torch.testing.assert_close(reversed_rows(reversed_rows(x, LENGTHS[:2]), LENGTHS[:2]), x)


def test_no_weight_is_shared():
    core = Bidirectional(F)
    assert core.output_size == 256
    assert not core.streams
    assert len({p.data_ptr() for p in core.parameters()}) == 2 * len(list(core.forward_core.parameters()))


@pytest.mark.parametrize(
    ("inner", "message"),
    [
        (lambda n: nn.Linear(n, 4), r"core must make an elman\.cores\.Core, got Linear"),
        (Bidirectional, "read in both directions here, but Bidirectional reads later steps itself"),
        (partial(Pooled, core=Bidirectional), "but Pooled reads later steps itself"),
    ],
)
def test_what_cannot_be_turned_round_is_refused(inner, message):
    with pytest.raises(ValueError, match=message):
        Bidirectional(F, core=inner)
