"""A stream cut into batches of any length gives the same updates as uncut."""

from __future__ import annotations

import itertools

import pytest
import torch
from oracle import SquaredError, flat_gradient, pair_gradients, update_gradients

from elman.batch import SequenceBatch, at_first_step, whole
from elman.bptt import BackpropThroughTime, Split, Truncated
from elman.cores import GRU, LSTM
from elman.tasks.saved_state import restored_state, saved_state
from elman.tree import rows

B, T, F, H = 2, 17, 2, 3


def stream(cuts: tuple[int, ...]) -> list[SequenceBatch]:
    """One stream of T steps as batches that meet at `cuts`."""
    torch.manual_seed(2)
    batch = whole(torch.randn(B, T, F, dtype=torch.float64), torch.randn(B, T, 2, dtype=torch.float64))
    return [batch.window(a, b) for a, b in itertools.pairwise((0, *cuts, T))]


@pytest.mark.parametrize("cuts", [(5,), (1, 2, 3), (4, 8, 12, 16), (2, 9, 10), tuple(range(1, T))], ids=str)
@pytest.mark.parametrize(
    "bptt",
    [
        Truncated(k1=4, k2=4),
        Truncated(k1=1, k2=6),
        Truncated(k1=3, k2=8),
        Truncated(k1=6, k2=7),
        Truncated(k1=3, k2=8, scored="window"),
        Split(k=4),
    ],
    ids=lambda s: str(vars(s)),
)
def test_cuts_change_nothing(bptt: BackpropThroughTime, cuts: tuple[int, ...]) -> None:
    torch.manual_seed(1)
    net = SquaredError(LSTM(F, hidden_size=H, layers=2))
    uncut, cut = (update_gradients(bptt, net, stream(c)) for c in ((), cuts))
    assert len(cut) == len(uncut) == -(-T // bptt.stride(T))
    for a, b in zip(cut, uncut, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize(
    "bptt",
    [
        Truncated(k1=3, k2=8),
        Truncated(k1=4, k2=4),
        Truncated(k1=3, k2=8, scored="window"),
        Split(k=4),
    ],
    ids=lambda s: str(vars(s)),
)
def test_a_row_that_begins_at_a_border_takes_no_credit_from_before(bptt: BackpropThroughTime) -> None:
    """Row 1 starts anew at step 7: its two sequences are credited apart, row 0 runs on."""
    torch.manual_seed(1)
    net = SquaredError(GRU(F, hidden_size=H))
    first, second = stream((7,))
    second = second._replace(begins=at_first_step(torch.tensor([False, True]), second.steps))
    credit = bptt.credit_matrix(T).double()
    restart = bptt.k if isinstance(bptt, Split) else None
    expected = torch.zeros(sum(p.numel() for p in net.parameters()), dtype=torch.float64)
    uncut = stream(())[0]
    expected += torch.einsum(
        "ts,tsp->p", credit, pair_gradients(net, rows(uncut, torch.tensor([0])), restart)
    )
    begun = credit.clone()
    begun[7:, :7] = 0  # what lies before the row's beginning is another sequence
    begun[:7, :7] = bptt.credit_matrix(7)  # which ends there
    whole_row = rows(uncut, torch.tensor([1]))
    expected += torch.einsum("ts,tsp->p", begun, restarted_pairs(net, whole_row, 7, restart))
    torch.testing.assert_close(
        sum(update_gradients(bptt, net, [first, second])), expected, rtol=1e-10, atol=1e-11
    )


def restarted_pairs(net: SquaredError, row: SequenceBatch, at: int, restart: int | None) -> torch.Tensor:
    """`pair_gradients` of a row that begins again at step `at`, in the middle of a Split window or not."""
    size = sum(p.numel() for p in net.parameters())
    g = torch.zeros(T, T, size, dtype=torch.float64)
    g[:at, :at] = pair_gradients(net, row.window(0, at), restart)
    rest = row.window(at, T).restarted()
    if restart is None:
        g[at:, at:] = pair_gradients(net, rest)
        return g
    border = -(-at // restart) * restart  # the window that holds the beginning ends here
    g[at:border, at:border] = pair_gradients(net, rest.window(0, border - at))
    g[border:, border:] = pair_gradients(net, rest.window(border - at, rest.steps), restart)
    return g


def changing_credit(lengths: list[tuple[int, int]], cuts: tuple[int, ...]) -> torch.Tensor:
    """C of a stream whose batches have these k1 and k2: look-back ends where the carry of before was kept."""
    credit, scored_to, kept = torch.zeros(T, T, dtype=torch.float64), 0, 0
    for (k1, k2), stop in zip(lengths, (*cuts, T), strict=True):
        while scored_to + k1 <= stop or (stop == T and scored_to < T):
            kept, end = max(kept, scored_to + k1 - k2), min(scored_to + k1, stop)
            credit[scored_to:end, kept:end] = 1
            scored_to = end
            kept = min(max(kept, scored_to + k1 - k2), end)
    return credit.tril()


@pytest.mark.parametrize(
    "lengths",
    [
        [(5, 5), (2, 2), (3, 3)],
        [(2, 5), (2, 2), (2, 2)],
        [(3, 9), (1, 2), (2, 9)],
        [(2, 2), (5, 5), (2, 5)],
        [(6, 7), (2, 3), (1, 1)],
    ],
    ids=str,
)
def test_lengths_that_change_between_batches(lengths: list[tuple[int, int]]) -> None:
    """With a shorter k2 the steps from the kept carry to the new window run too, or the carry is wrong."""
    torch.manual_seed(1)
    net, cuts = SquaredError(LSTM(F, hidden_size=H)), (7, 12)
    state, found = None, 0
    for batch, (k1, k2) in zip(stream(cuts), lengths, strict=True):
        bptt = Truncated(k1=k1, k2=k2)
        state = state or bptt.first_state(net.core.initial_carry(B))
        for update in bptt.losses(net, batch, state):
            state, found = update.state, found + flat_gradient(update.loss, net)
    expected = torch.einsum("ts,tsp->p", changing_credit(lengths, cuts), pair_gradients(net, stream(())[0]))
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-11)


def test_steps_that_do_not_fill_a_window_wait() -> None:
    net = SquaredError(GRU(F, hidden_size=H))
    bptt = Truncated(k1=6, k2=8)
    first, *_ = stream((4, 10))
    (update,) = bptt.losses(net, first, bptt.first_state(net.core.initial_carry(B)))
    assert (update.loss, update.scored, update.state.waiting) == (None, 0, 4)


@pytest.mark.parametrize("bptt", [Truncated(k1=3, k2=8), Split(k=4)], ids=lambda s: str(vars(s)))
def test_a_state_goes_on_from_plain_tuples(bptt: BackpropThroughTime) -> None:
    """What a checkpoint keeps: tuples without classes of ours, rebuilt by field order."""
    torch.manual_seed(1)
    net = SquaredError(GRU(F, hidden_size=H))
    first, second = stream((7,))
    *_, update = bptt.losses(net, first, bptt.first_state(net.core.initial_carry(B)))
    again = type(update.state)(*restored_state(saved_state(update.state), torch.device("cpu")))
    for a, b in zip(
        [u.loss for u in bptt.losses(net, second, update.state)],
        [u.loss for u in bptt.losses(net, second, again)],
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_rows_of_a_stream_must_stay() -> None:
    net = SquaredError(GRU(F, hidden_size=H))
    bptt = Truncated(k1=3, k2=8)
    first, second = stream((7,))
    *_, update = bptt.losses(net, first, bptt.first_state(net.core.initial_carry(B)))
    with pytest.raises(ValueError, match="state holds 2 rows but the batch holds 1"):
        next(bptt.losses(net, rows(second, torch.tensor([0])), update.state))


def test_windows_without_a_scored_step_make_no_update_but_carry_on() -> None:
    """Many-to-one: only the last step is scored; there is an update for every window, one has a loss."""
    torch.manual_seed(1)
    net = SquaredError(LSTM(F, hidden_size=H))
    batch = stream(())[0]
    scored = torch.zeros(B, T, dtype=torch.bool)
    scored[:, -1] = True
    bptt = Truncated(k1=4, k2=6)
    updates = list(
        bptt.losses(net, batch._replace(scored=scored), bptt.first_state(net.core.initial_carry(B)))
    )
    assert [u.scored for u in updates] == [0, 0, 0, 0, B]
    assert [u.loss is None for u in updates] == [True] * 4 + [False]


@pytest.mark.parametrize(("k1", "k2"), [(0, 4), (7, 3), (-1, -1)])
def test_impossible_lengths_are_refused(k1: int, k2: int) -> None:
    with pytest.raises(ValueError, match=f"need 1 <= k1 <= k2, got k1={k1}, k2={k2}"):
        Truncated(k1=k1, k2=k2)


def test_other_ways_of_scoring_are_refused() -> None:
    with pytest.raises(ValueError, match="scored must be 'fresh' or 'window', got 'last'"):
        Truncated(k1=2, k2=3, scored="last")
