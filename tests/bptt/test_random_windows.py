"""Windows that are drawn: every draw is counted with its probability, and streams may be cut anywhere."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from functools import partial

import pytest
import torch
from oracle import SquaredError, pair_gradients, update_gradients
from task_toys import ROWS, fit, make_task, weights
from task_toys import stream as task_stream

from elman.batch import SequenceBatch, whole
from elman.bptt import Full, Jittered, Randomised, draws
from elman.cores import LSTM

B, T, F, H = 2, 17, 2, 3
STREAMS = [(), (5,), (1, 2, 3), (4, 8, 12, 16), (2, 9, 10), tuple(range(1, T))]
cut_anywhere = pytest.mark.parametrize("cuts", STREAMS, ids=str)


def stream(cuts: tuple[int, ...]) -> list[SequenceBatch]:
    """One stream of T steps as batches that meet at `cuts`."""
    torch.manual_seed(2)
    batch = whole(torch.randn(B, T, F, dtype=torch.float64), torch.randn(B, T, 2, dtype=torch.float64))
    return [batch.window(a, b) for a, b in itertools.pairwise((0, *cuts, T))]


def made_net() -> SquaredError:
    torch.manual_seed(1)
    return SquaredError(LSTM(F, hidden_size=H, layers=2))


JITTERED = [
    Jittered(k=4, base_share=0.7, spread=1.5, least=2, most=7),
    Jittered(k=5, base_share=0.5, spread=0, least=1),
    Jittered(k=3, spread=40.0, least=1, most=6),
]
jittered = pytest.mark.parametrize("bptt", JITTERED, ids=lambda s: f"{s.k}-{s.spread}")


def windows(borders: list[int], steps: int) -> torch.Tensor:
    """C of windows that begin at 0 and at these borders."""
    credit = torch.zeros(steps, steps, dtype=torch.float64)
    for start, stop in itertools.pairwise([0, *borders, steps]):
        credit[start:stop, start:stop] = 1
    return credit.tril()


@jittered
def test_expected_credit_of_jittered_windows_by_all_draws(bptt: Jittered) -> None:
    steps, odds = 9, bptt.length_odds()
    assert odds.sum().item() == pytest.approx(1, abs=1e-15)
    expected = torch.zeros(steps, steps, dtype=torch.float64)

    def count(borders: list[int], chance: float) -> None:
        start = borders[-1] if borders else 0
        for length, share in enumerate(odds.tolist()):
            if not share:
                continue
            if start + length >= steps:
                expected.add_(windows(borders, steps), alpha=chance * share)
            else:
                count([*borders, start + length], chance * share)

    count([], 1.0)
    torch.testing.assert_close(bptt.credit_matrix(steps), expected, rtol=0, atol=1e-12)


def test_lengths_are_those_of_the_source() -> None:
    """By hand: N(4, 1.5) in 0.7 of the draws, N(2, 1.5) in 0.3, rounded down, kept within 2 and 7."""
    normal = torch.distributions.Normal
    expected = torch.zeros(8, dtype=torch.float64)
    for base, share in ((4.0, 0.7), (2.0, 0.3)):
        points = torch.arange(9, dtype=torch.float64)
        below = normal(torch.tensor(base).double(), torch.tensor(1.5).double()).cdf(points)
        expected[2:] += share * (below[3:] - below[2:8])
        expected[2] += share * below[2]
        expected[7] += share * (1 - below[8])
    torch.testing.assert_close(JITTERED[0].length_odds(), expected, rtol=0, atol=1e-15)
    JITTERED[0].begin(0)
    drawn = torch.tensor(list(itertools.islice(JITTERED[0].lengths(), 20_000)))
    found = torch.bincount(drawn, minlength=8) / len(drawn)
    error = (expected * (1 - expected) / len(drawn)).sqrt()
    assert ((found - expected).abs() <= 5 * error).all()


@jittered
@cut_anywhere
def test_a_window_that_a_batch_does_not_fill_goes_on_in_the_next(
    bptt: Jittered, cuts: tuple[int, ...]
) -> None:
    """A batch draws the lengths of the windows that begin in it."""
    net, borders, reached = made_net(), [], 0
    for number, stop in enumerate((*cuts, T)):
        bptt.begin(number)
        for length in bptt.lengths():
            if reached >= stop:
                break
            reached += length
            borders.append(reached)
    borders = [border for border in borders if border < T]
    state, found, lengths = bptt.first_state(net.core.initial_carry(B)), 0, []
    for number, batch in enumerate(stream(cuts)):
        bptt.begin(number)
        for update in bptt.losses(net, batch, state):
            state = update.state
            if update.loss is not None:
                found = found + flat(update.loss, net)
                lengths.append(update.scored // B)
    assert lengths == [b - a for a, b in itertools.pairwise([0, *borders, T])]
    expected = torch.einsum("ts,tsp->p", windows(borders, T), pair_gradients(net, stream(())[0]))
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-11)


def flat(loss: torch.Tensor, net: SquaredError) -> torch.Tensor:
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(net.parameters()))])


def test_the_learning_rate_follows_the_length() -> None:
    """Without a limit on the gradient and with plain SGD, a mean at rate length / k is the sum by k."""
    found = []
    for options in ({"normaliser": "auto"}, {"normaliser": "steps"}):
        scale = options["normaliser"] == "auto"
        bptt = Jittered(k=4, spread=2, least=1, scale_lr=scale)
        task = make_task(bptt=bptt, optimizer=partial(torch.optim.SGD, lr=0.1), **options)
        fit(task, [batch._replace(is_last=False) for batch in task_stream(9, 8)])
        assert task.updates.normaliser == ("scored" if scale else "steps")
        assert task.updates.made > 2
        found.append(weights(task))
    torch.testing.assert_close(*found, rtol=0, atol=1e-12)
    assert ROWS > 1


RANDOMISED = [
    Randomised(k=2, length=4),
    Randomised(k=1, length=3, alpha=3),
    Randomised(k=3, length=5, alpha=4, longest=9),
    Randomised(k=2, length=5, longest=6),
]
randomised = pytest.mark.parametrize("bptt", RANDOMISED, ids=lambda s: f"{s.k}-{s.length}-{s.longest}")


class Chosen:
    """In place of random numbers: those below 0 cut, those above 1 do not."""

    def __init__(self, cuts: Iterable[bool]) -> None:
        self.cuts = iter(cuts)

    def random(self) -> float:
        return -1.0 if next(self.cuts) else 0.999999


@randomised
def test_all_ways_of_cutting_make_up_the_whole_gradient(bptt: Randomised, monkeypatch) -> None:
    """Every set of cuts with its probability: the mean gradient is that of the expected credit, which is that
    of the whole sequence where no segment can be so long that it is cut in any case."""
    steps, net = 8, made_net()
    batch = stream(())[0].window(0, steps)._replace(is_last=True)
    borders = -(-steps // bptt.k) - 1
    total, gradient, credit = 0.0, 0.0, torch.zeros(steps, steps, dtype=torch.float64)
    pairs = pair_gradients(net, batch)
    for cuts in itertools.product((False, True), repeat=borders):
        chance, age = 1.0, 0
        for cut in cuts:
            age += 1
            at_limit = age >= bptt.longest // bptt.k
            c = (bptt.alpha - 1) / ((bptt.alpha - 2) * bptt.length / bptt.k + age)
            chance *= float(cut) if at_limit else c if cut else 1 - c
            age = 0 if cut else age
        if not chance:
            continue
        monkeypatch.setattr("elman.bptt.randomised.draws", lambda *_, cuts=cuts: Chosen(cuts))
        found = sum(update_gradients(bptt, net, [batch]))
        total, gradient = total + chance, gradient + chance * found
        credit += chance * bptt.drawn_credit(steps)
        drawn = torch.einsum("ts,tsp->p", bptt.drawn_credit(steps), pairs)
        torch.testing.assert_close(found, drawn, rtol=1e-10, atol=1e-11)
    assert total == pytest.approx(1, abs=1e-14)
    torch.testing.assert_close(credit, bptt.credit_matrix(steps), rtol=0, atol=1e-12)
    expected = torch.einsum("ts,tsp->p", bptt.credit_matrix(steps), pairs)
    torch.testing.assert_close(gradient, expected, rtol=1e-12, atol=1e-12)
    if bptt.longest >= steps:
        torch.testing.assert_close(credit, torch.ones(steps, steps).double().tril(), rtol=0, atol=1e-12)
        (full,) = update_gradients(Full(), net, [batch])
        torch.testing.assert_close(gradient, full, rtol=1e-12, atol=1e-12)
    else:
        assert credit.tril().min() < 0.999


@randomised
@cut_anywhere
def test_a_segment_goes_on_in_the_next_batch(bptt: Randomised, cuts: tuple[int, ...]) -> None:
    """Whether a chunk ends its segment is drawn in the batch that completes the chunk."""
    net, segments, start, age, at = made_net(), [], 0, 0, 0
    for number, stop in enumerate((*cuts, T)):
        random = draws(bptt.seed, number)
        while (border := start + (age + 1) * bptt.k) < stop or (border == stop < T):
            age += 1
            if random.random() < bptt.chance(age):
                segments.append((start, border))
                start, age = border, 0
    segments.append((start, T))
    credit = torch.zeros(T, T, dtype=torch.float64)
    for start, stop in segments:
        for t in range(start, stop):
            for s in range(start, t + 1):
                chunks = range((s - start) // bptt.k + 1, (t - start) // bptt.k + 1)
                credit[t, s] = math.prod(1 / (1 - bptt.chance(n)) for n in chunks)
    state, found, lengths = bptt.first_state(net.core.initial_carry(B)), 0, []
    for number, batch in enumerate(stream(cuts)):
        bptt.begin(number)
        for update in bptt.losses(net, batch, state):
            state = update.state
            if update.loss is not None:
                found, at = found + flat(update.loss, net), at + update.scored // B
                lengths.append(update.scored // B)
    assert lengths == [b - a for a, b in segments]
    assert at == T
    expected = torch.einsum("ts,tsp->p", credit, pair_gradients(net, stream(())[0]))
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-11)


def test_segments_have_their_mean_length_and_the_longest_are_counted() -> None:
    """c_n of the source, from n = 1 on, makes segments of `length` steps on average."""
    bptt = Randomised(k=2, length=16, alpha=6, longest=10_000)
    lengths = [b - a for a, b in bptt.segments(0, 200_000, is_last=False)]
    spread = torch.tensor(lengths).double().std() / len(lengths) ** 0.5
    assert abs(sum(lengths) / len(lengths) - 16) < 5 * spread
    assert max(lengths) > 100
    short = Randomised(k=2, length=6, longest=8)
    batch, net = stream(())[0]._replace(is_last=False), made_net()
    sizes = [u.scored // B for u in short.losses(net, batch, short.first_state(net.core.initial_carry(B)))]
    assert short.metrics() == {"forced_cuts": sizes.count(8), "longest_segment": max(sizes)}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"k": 50}, "need 1 <= k < length <= longest, got k=50, length=50"),
        ({"k": 0}, "k=0"),
        ({"longest": 40}, "length=50, longest=40"),
        ({"alpha": 2.0}, "alpha must be above 2, .* got alpha=2.0"),
        ({"alpha": float("nan")}, "alpha=nan"),
    ],
    ids=str,
)
def test_impossible_segments_are_refused(options: dict, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Randomised(**options)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"k": 4}, "need 1 <= least <= k <= most, got least=5, k=4"),
        ({"k": 9, "most": 8}, "k=9, most=8"),
        ({"least": 0}, "least=0"),
        ({"most": 0}, "most=0"),
        ({"base_share": 1.5}, "base_share=1.5"),
        ({"spread": -1.0}, "spread=-1.0"),
        ({"spread": float("nan")}, "spread=nan"),
    ],
    ids=str,
)
def test_impossible_jitter_is_refused(options: dict, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Jittered(**options)
