"""Every strategy over a stream: cut anywhere, ragged, with rows that begin inside and windows unscored."""

from __future__ import annotations

import itertools

import pytest
import torch
from oracle import SquaredError, flat_gradient
from strategy_rows import EVERY, RANDOM, name
from strategy_toys import Fading, LastSteps

from elman.batch import SequenceBatch, whole
from elman.bptt import Adaptive, BackpropThroughTime, DiagonalRTRL
from elman.cores import GRU, IndRNN
from elman.tree import rows

B, T, F, H = 3, 17, 2, 4
LENGTHS = torch.tensor([17, 11, 6])
CUTS = [(), (5,), (2, 9, 10), tuple(range(1, T))]


def net_for(bptt: BackpropThroughTime) -> SquaredError:
    torch.manual_seed(1)
    return SquaredError((IndRNN if isinstance(bptt, DiagonalRTRL) else GRU)(F, hidden_size=H))


def stream(filler: float = 0.0) -> SequenceBatch:
    """Ragged rows, two sequences in row 0; no step from 4 to 8 is scored; `filler` stands beyond the ends."""
    torch.manual_seed(2)
    batch = whole(*(torch.randn(B, T, n, dtype=torch.float64) for n in (F, 2)))
    exist, at = torch.arange(T) < LENGTHS[:, None], torch.arange(T)
    begins = batch.begins.clone()
    begins[0, 7] = True
    x, y = (part.masked_fill(~exist[..., None], filler) for part in (batch.x, batch.y))
    scored = exist & ((at < 4) | (at > 8))
    return batch._replace(x=x, y=y, lengths=LENGTHS, scored=scored, begins=begins)


def signs_by_row(monkeypatch: pytest.MonkeyPatch, own: list[int]) -> None:
    """Random signs of a row that do not depend on which rows are beside it."""
    seeds = itertools.count()

    def signs(like: torch.Tensor) -> torch.Tensor:
        draw = torch.Generator().manual_seed(next(seeds))
        return torch.randint(0, 2, (B, *like.shape[1:]), generator=draw)[own].to(like) * 2 - 1

    for module in ("uoro", "kf_rtrl"):
        monkeypatch.setattr(f"elman.bptt.{module}.signs", signs)


def gradients(
    bptt: BackpropThroughTime, batches: list[SequenceBatch]
) -> tuple[list[torch.Tensor], list[int]]:
    """Of each update that scores steps, its gradient and how many they are; weights frozen."""
    net, found, scored = net_for(bptt), [], []
    state, total, count = bptt.first_state(net.core.initial_carry(len(batches[0].x))), 0.0, 0
    for number, batch in enumerate(batches):
        bptt.begin(number)
        for update in bptt.losses(net, batch, state):
            state, total = update.state, total + flat_gradient(update.loss, net)
            count += update.scored
            assert (update.loss is None) == (update.scored == 0)
            if update.closes and count:
                found, scored, total, count = [*found, total], [*scored, count], 0.0, 0
    return found, scored


@pytest.mark.parametrize("bptt", EVERY, ids=name)
def test_rows_never_meet_and_padding_is_not_read(
    bptt: BackpropThroughTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ragged batch takes the sum of what its rows take, each alone, whatever lies beyond its end."""
    signs_by_row(monkeypatch, [0, 1, 2])
    together, _ = gradients(bptt, [stream()])
    total = torch.zeros_like(together[0])
    for row in range(B):
        signs_by_row(monkeypatch, [row])
        alone, _ = gradients(bptt, [rows(stream(filler=9.0), torch.tensor([row]))])
        total += sum(alone)
    assert total.norm() > 0.1
    torch.testing.assert_close(sum(together), total, rtol=1e-10, atol=1e-12)


def one_by_one(bptt: BackpropThroughTime, batches: list[SequenceBatch]) -> list[torch.Tensor]:
    """By autograd, through each batch as a whole and no further."""
    net, found = net_for(bptt), []
    carry = net.core.initial_carry(B)
    for batch in batches:
        loss, carry = net(batch, tuple(leaf.detach() for leaf in carry))
        if batch.scored.any():
            found.append(flat_gradient(loss, net))
    return found


# What these take depends on where batches end; of those that draw, on their number: see their own tests.
BY_BATCH = (Adaptive, LastSteps, Fading)


@pytest.mark.parametrize("cuts", CUTS[1:], ids=str)
@pytest.mark.parametrize("bptt", EVERY, ids=name)
def test_streams_may_be_cut_anywhere(
    bptt: BackpropThroughTime, cuts: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All steps are scored; where a batch's end means nothing, the same updates have the same gradients."""
    pieces = [stream().window(a, b) for a, b in itertools.pairwise((0, *cuts, T))]
    signs_by_row(monkeypatch, [0, 1, 2])
    uncut, scored = gradients(bptt, [stream()])
    signs_by_row(monkeypatch, [0, 1, 2])
    found, counts = gradients(bptt, pieces)
    if not isinstance(bptt, LastSteps) and getattr(bptt, "scored", "fresh") == "fresh":
        assert sum(counts) == sum(scored) == int(stream().scored.sum())
    if bptt.exact:
        torch.testing.assert_close(found, one_by_one(bptt, pieces), rtol=1e-10, atol=1e-12)
    elif not isinstance(bptt, BY_BATCH) and bptt not in RANDOM:
        assert counts == scored
        torch.testing.assert_close(found, uncut, rtol=1e-10, atol=1e-12)
