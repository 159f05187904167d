"""Rows in which sequences begin: no loss is charged to a step before its own sequence's beginning."""

from __future__ import annotations

import itertools

import pytest
import torch
from oracle import SquaredError, pair_gradients, update_gradients
from pairwise import pairs
from strategy_rows import RANDOM, STRATEGIES, name

from elman.batch import SequenceBatch
from elman.bptt import BackpropThroughTime, Checkpointed, Split, Truncated, within_sequences
from elman.cores import GRU, LSTM, Elman
from elman.tree import rows

T, F, H = 12, 2, 3
BEGINS = torch.zeros(3, T, dtype=torch.bool)
for row, steps in enumerate(((0, 1, 5, 11), (0,), (0, 4))):
    BEGINS[row, list(steps)] = True
LENGTHS = torch.tensor([12, 9, 7])

CORES = {
    "Elman-scan": (Elman, "scan"),
    "Elman-native": (Elman, "native"),
    "GRU-scan": (GRU, "scan"),
    "GRU-native": (GRU, "native"),
    "GRU-loop": (GRU, "loop"),
    "LSTM-scan": (LSTM, "scan"),
    "LSTM-native": (LSTM, "native"),
    "LSTM-fused": (LSTM, "fused"),
}


def packed(*, ragged: bool) -> SequenceBatch:
    torch.manual_seed(2)
    x, y = (torch.randn(3, T, F, dtype=torch.float64) for _ in range(2))
    lengths = LENGTHS if ragged else torch.full((3,), T)
    exists = torch.arange(T) < lengths[:, None]
    return SequenceBatch(x, y, exists & (torch.rand(3, T) < 0.8), lengths, BEGINS & exists)


def make(core: str, kernel: str | None = None) -> SquaredError:
    torch.manual_seed(1)
    cell, own = CORES[core]
    return SquaredError(cell(F, hidden_size=H, layers=2, kernel=kernel or own))


KNOWN: dict[tuple, torch.Tensor] = {}


def credited(bptt: BackpropThroughTime, core: str, batch: SequenceBatch) -> torch.Tensor:
    """The sum of C[t, s] g[t, s], row by row, C cut where the row's sequences begin."""
    restart, cell = bptt.k if isinstance(bptt, Split) else None, core.partition("-")[0]
    total = torch.zeros(())
    for row in range(len(batch.x)):
        key = (cell, int(batch.lengths[row]), row, restart)
        if key not in KNOWN:
            KNOWN[key] = pair_gradients(make(core, "loop"), rows(batch, torch.tensor([row])), restart)
        g = KNOWN[key]
        credit = within_sequences(bptt.drawn_credit(T).double(), batch.begins[row])
        if getattr(bptt, "scored", "fresh") == "window":  # how often depends on where a sequence ends
            exist = int(batch.lengths[row])
            credit[:exist, :exist] = bptt.row_credit(batch.begins[row, :exist]).double()
        total = total + torch.einsum("ts,tsp->p", credit, g)
        begun = batch.begins[row].cumsum(0)
        assert not g[begun[:, None] != begun].any()  # so that the plain matrix gives the same
    return total


# A strategy knows no core: each meets two, and each core four strategies.
SOME = [Split(k=4), Truncated(k1=2, k2=5), Truncated(k1=1, k2=3, scored="window"), Checkpointed(window=4)]
CASES = pairs(STRATEGIES, ["GRU-native", "LSTM-fused"], [False, True]) + pairs(SOME, CORES, [False, True])


@pytest.mark.parametrize(("bptt", "core", "ragged"), CASES, ids=name)
def test_credit_ends_where_a_sequence_begins(bptt: BackpropThroughTime, core: str, ragged: bool) -> None:
    net, batch = make(core), packed(ragged=ragged)
    bptt.begin(1)
    expected = credited(bptt, core, batch)
    found = sum(update_gradients(bptt, net, [batch]))
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("cuts", [(5,), (3, 6), tuple(range(1, T))], ids=str)
@pytest.mark.parametrize("bptt", [s for s in STRATEGIES if s not in RANDOM and not s.exact], ids=name)
def test_also_over_batch_borders(bptt: BackpropThroughTime, cuts: tuple[int, ...]) -> None:
    """A look-back into earlier batches stops at a beginning there."""
    net, batch = make("GRU-scan"), packed(ragged=False)
    pieces = [batch.window(a, b) for a, b in itertools.pairwise((0, *cuts, T))]
    if len(update_gradients(bptt, net, pieces)) != len(update_gradients(bptt, net, [batch])):
        return  # this one's windows end with the batch
    found = sum(update_gradients(bptt, net, pieces))
    torch.testing.assert_close(found, credited(bptt, "GRU-scan", batch), rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("bptt", [s for s in STRATEGIES if not s.traces], ids=name)
def test_inputs_before_the_beginning_have_no_gradient(bptt: BackpropThroughTime) -> None:
    net, batch = make("LSTM-scan"), packed(ragged=False)
    bptt.begin(1)
    credit = bptt.drawn_credit(T)
    for t in (4, 5, 10, 11):
        x, only = batch.x.clone().requires_grad_(), torch.zeros_like(batch.scored)
        only[:, t] = True
        found = torch.zeros(3, T, dtype=torch.bool)
        state = bptt.first_state(net.core.initial_carry(3))
        for update in bptt.losses(net, batch._replace(x=x, scored=only), state):
            if update.loss is not None:
                found |= (torch.autograd.grad(update.loss, x)[0] != 0).any(2)
        expected = [within_sequences(credit, batch.begins[row])[t] > 0 for row in range(3)]
        assert torch.equal(found, torch.stack(expected))
