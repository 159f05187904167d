"""Every strategy, every core: the gradient is the sum of C[t, s] g[t, s]."""

from __future__ import annotations

import inspect

import core_rows
import pytest
import torch
from core_rows import Row
from oracle import SquaredError, flat_gradient, pair_gradients, update_gradients
from pairwise import pairs
from strategy_rows import EVERY, RANDOM, STRATEGIES, UNCREDITED, name

import elman.bptt
import elman.cores
from elman.batch import SequenceBatch, whole
from elman.bptt import RTRL, BackpropThroughTime, Checkpointed, EProp, Full, SnAp1, Split, Truncated
from elman.bptt.strategy import NoCreditMatrix
from elman.cores import Cell
from elman.tree import rows

B, T, F, H = 3, 11, 2, 4
LENGTHS = torch.tensor([11, 7, 3])


# Not those that read later steps: C[t, s] with s > t has no meaning in a strategy's matrix.
STREAMING = {str(row): row for row in core_rows.TRAINED if row.make().streams}
CORES = {name: row for name, row in STREAMING.items() if not row.rare}
OFTEN = ["Elman-tanh", "LSTM", "GRU", "GRU-fused", "Pooled-LSTM-max", "Centred-GRU-True-2"]
SELDOM = [name for name in CORES if name not in OFTEN]
RARE = [name for name in STREAMING if name not in CORES]
# A strategy knows no core, and a core no strategy: each meets some of the others.
SOME = [Full(), Split(k=4), Truncated(k1=2, k2=5), Truncated(k1=4, k2=11), RTRL(k1=4)]
CASES = [
    *pairs(STRATEGIES, OFTEN, [1, 2, 3]),
    *pairs(SOME, SELDOM, [1, 2, 3]),
    *[(bptt, c, 1 + n % 3) for n, c in enumerate(RARE) for bptt in (Truncated(k1=2, k2=5), RTRL(k1=4))],
]


def make(row: Row, layers: int = 1) -> elman.cores.Core:
    return row.make(F, hidden_size=H, layers=layers, **(row.trained or {}))


def random_batch(*, ragged: bool) -> SequenceBatch:
    torch.manual_seed(2)
    batch = whole(torch.randn(B, T, F, dtype=torch.float64), torch.randn(B, T, 2, dtype=torch.float64))
    if not ragged:
        return batch
    exists = torch.arange(T) < LENGTHS[:, None]
    return batch._replace(lengths=LENGTHS, scored=exists & (torch.rand(B, T) < 0.7))


@pytest.fixture(scope="module")
def known() -> dict:
    return {}


def test_no_strategy_is_left_out() -> None:
    public = {getattr(elman.bptt, name) for name in elman.bptt.__all__}
    strategies = {c for c in public if inspect.isclass(c) and issubclass(c, BackpropThroughTime)}
    assert {type(s) for s in EVERY} >= strategies - {BackpropThroughTime}
    assert all(s.credit_holds == "always" for s in STRATEGIES)
    assert not any(s.credit_holds == "always" for s in UNCREDITED)


@pytest.mark.parametrize("bptt", UNCREDITED, ids=name)
def test_what_is_no_sum_of_pairs_says_so_or_what_it_expects(bptt: BackpropThroughTime) -> None:
    assert isinstance(bptt, SnAp1 | EProp) == (bptt.credit_holds == "never")
    if isinstance(bptt, SnAp1 | EProp):
        with pytest.raises(NoCreditMatrix, match=f"{type(bptt).__name__} charges .* no credit matrix"):
            bptt.row_credit(torch.zeros(T, dtype=torch.bool))
    else:
        assert torch.equal(bptt.credit_matrix(T), Full().credit_matrix(T))


@pytest.mark.parametrize(("bptt", "core", "layers"), CASES, ids=name)
def test_gradient_is_the_credited_sum(bptt: BackpropThroughTime, core: str, layers: int, known: dict) -> None:
    ragged = layers != 2
    torch.manual_seed(1)
    net, batch = SquaredError(make(STREAMING[core], layers)), random_batch(ragged=ragged)
    if why := bptt.refusal(net.core):  # what it cannot trace
        assert bptt.traces
        assert not isinstance(net.core, Cell) or net.core.pointwise() is None
        assert type(net.core).__name__ in why
        return
    restart = bptt.k if isinstance(bptt, Split) else None
    key = (core, layers, ragged, restart)
    if key not in known:
        known[key] = pair_gradients(net, batch, restart)
    for draw in range(2 if bptt in RANDOM else 1):
        bptt.begin(draw)
        credit = bptt.drawn_credit(T).to(torch.float64)
        expected = torch.einsum("ts,tsp->p", credit, known[key])
        if ragged and getattr(bptt, "scored", "fresh") == "window":  # how often depends on the row's length
            expected = torch.zeros_like(expected)
            for row, steps in enumerate(LENGTHS.tolist()):
                if (*key, row) not in known:
                    alone = rows(batch, torch.tensor([row])).window(0, steps)
                    known[*key, row] = pair_gradients(net, alone)
                credit = bptt.credit_matrix(steps).to(torch.float64)
                expected += torch.einsum("ts,tsp->p", credit, known[*key, row])
        found = sum(update_gradients(bptt, net, [batch]))
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("bptt", RANDOM, ids=name)
def test_the_mean_over_draws_is_the_expected_credit(bptt: BackpropThroughTime) -> None:
    """With the draws' own spread: of some hundred pairs, none is 5 standard errors away."""
    drawn = []
    for draw in range(2000):
        bptt.begin(draw)
        drawn.append(bptt.drawn_credit(T).double())
    error, spread = torch.stack(drawn).mean(0) - bptt.credit_matrix(T), torch.stack(drawn).std(0)
    assert spread.max() > 0 or bptt.credit_matrix(T).tril().eq(1).sum() == T * (T + 1) // 2
    assert (error.abs() <= 5 * spread / len(drawn) ** 0.5 + 1e-12).all()


@pytest.mark.parametrize("bptt", RANDOM, ids=name)
def test_what_is_drawn_depends_on_the_number_of_the_batch_alone(bptt: BackpropThroughTime) -> None:
    """Also on another rank, or after a resume, whatever was drawn or run before."""
    again = type(bptt)(**{k: v for k, v in vars(bptt).items() if not k.startswith("_")})
    torch.manual_seed(5)
    net, batch = SquaredError(make(CORES["LSTM"])), random_batch(ragged=False)
    for draw in (3, 1, 7, 0):
        bptt.begin(draw)
        update_gradients(bptt, net, [batch])
    for draw in range(20):
        bptt.begin(draw)
        again.begin(draw)
        torch.testing.assert_close(again.drawn_credit(T), bptt.drawn_credit(T), rtol=0, atol=0)


def owners(bptt: BackpropThroughTime, net: SquaredError, batch: SequenceBatch) -> list[list[int]]:
    """For every step, the updates that score it."""
    found = []
    for t in range(T):
        only_t = torch.zeros_like(batch.scored)
        only_t[:, t] = True
        state = bptt.first_state(net.core.initial_carry(B))
        windows = bptt.losses(net, batch._replace(scored=only_t), state)
        found.append([number for number, update in enumerate(windows) if update.scored])
    return found


@pytest.mark.parametrize("bptt", STRATEGIES, ids=name)
def test_each_update_takes_the_credit_of_the_steps_it_scores(bptt: BackpropThroughTime) -> None:
    torch.manual_seed(1)
    net, batch = SquaredError(make(CORES["LSTM"])), random_batch(ragged=False)
    bptt.begin(1)
    g = pair_gradients(net, batch, bptt.k if isinstance(bptt, Split) else None)
    credit, scored_by = bptt.drawn_credit(T).to(torch.float64), owners(bptt, net, batch)
    once = all(len(numbers) <= 1 for numbers in scored_by)
    state = bptt.first_state(net.core.initial_carry(B))
    for number, update in enumerate(bptt.losses(net, batch, state)):
        own = torch.tensor([number in numbers for numbers in scored_by])
        assert update.scored == B * own.sum()
        if once:  # how the credit of a step is shared between several updates, its matrix does not say
            expected = torch.einsum("ts,tsp->p", credit[own], g[own])
            torch.testing.assert_close(flat_gradient(update.loss, net), expected, rtol=1e-10, atol=1e-11)
        if bptt not in RANDOM:
            assert own.sum() <= bptt.update_steps(T)


SCORING_ONCE = [
    s
    for s in STRATEGIES
    if isinstance(s, Full | Split | Truncated | Checkpointed) and getattr(s, "scored", "fresh") == "fresh"
]


@pytest.mark.parametrize("bptt", SCORING_ONCE, ids=name)
def test_updates_score_one_stretch_of_steps_after_the_other(bptt: BackpropThroughTime) -> None:
    """Update i scores steps [i n, (i+1) n), n = update_steps."""
    torch.manual_seed(1)
    net, batch = SquaredError(make(CORES["LSTM"])), random_batch(ragged=False)
    each = bptt.update_steps(T)
    assert owners(bptt, net, batch) == [[t // each] for t in range(T)]
    assert len(update_gradients(bptt, net, [batch])) == -(-T // each)


@pytest.mark.parametrize("bptt", [s for s in STRATEGIES if s.exact], ids=name)
def test_exact_means_exact(bptt: BackpropThroughTime) -> None:
    torch.manual_seed(1)
    net, batch = SquaredError(make(CORES["LSTM"], 2)), random_batch(ragged=True)
    (update,) = bptt.losses(net, batch, bptt.first_state(net.core.initial_carry(B)))
    whole_loss, _ = net(batch, net.core.initial_carry(B))
    torch.testing.assert_close(
        flat_gradient(update.loss, net), flat_gradient(whole_loss, net), rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize("bptt", [s for s in STRATEGIES if not s.traces], ids=name)
def test_credit_is_where_inputs_have_gradient(bptt: BackpropThroughTime) -> None:
    """dL_t/dx_s is not zero exactly where C[t, s] > 0 (Split's network does not even see the rest)."""
    bptt.begin(1)
    torch.manual_seed(1)
    net, batch = SquaredError(make(CORES["GRU"], 2)), random_batch(ragged=False)
    credit = bptt.drawn_credit(T)
    for t in range(T):
        x = batch.x.clone().requires_grad_()
        only_t = torch.zeros(B, T, dtype=torch.bool)
        only_t[:, t] = True
        found = torch.zeros(T, dtype=torch.bool)
        for update in bptt.losses(
            net, batch._replace(x=x, scored=only_t), bptt.first_state(net.core.initial_carry(B))
        ):
            if update.loss is not None:
                (grad,) = torch.autograd.grad(update.loss, x)
                found |= grad.abs().sum((0, 2)) > 0
        assert found.tolist() == (credit[t] > 0).tolist()


W = 0.9


class Linear:
    """h_t = w h_{t-1} + x_t; the loss is the sum of scored h_t."""

    def __init__(self, w: torch.Tensor) -> None:
        self.w, self.parameters = w, [w]

    def __call__(self, window: SequenceBatch, carry: tuple) -> tuple:
        loss, (h,) = window.x.new_zeros(()), carry
        for t in range(window.steps):
            h = self.w * h + window.x[:, t]
            loss = loss + h[window.scored[:, t]].sum()
        return loss, (h,)


@pytest.mark.parametrize(
    ("bptt", "reach"),
    [
        (Full(), 6),
        (Truncated(k1=7, k2=7), 6),
        (Truncated(k1=1, k2=3), 3),
        (Split(k=3), 0),
        (Checkpointed(), 6),
    ],
    ids=lambda given: str(given) if isinstance(given, int) else name(given),
)
def test_gradient_of_an_impulse(bptt: BackpropThroughTime, reach: int) -> None:
    """x is 1 at step 0, the loss is h at the last step: dh/dw = reach * w**(T-2)."""
    w = torch.tensor(W, dtype=torch.float64, requires_grad=True)
    x = torch.zeros(1, 7, 1, dtype=torch.float64)
    x[0, 0] = 1
    scored = torch.zeros(1, 7, dtype=torch.bool)
    scored[0, -1] = True
    zero = (torch.zeros(1, 1, dtype=torch.float64),)
    *_, update = bptt.losses(Linear(w), whole(x, None, scored=scored), bptt.first_state(zero))
    (grad,) = torch.autograd.grad(update.loss, w)
    assert grad.item() == pytest.approx(reach * W**5, rel=1e-12, abs=1e-15)


def test_the_forum_counter_example() -> None:
    """x_t = w x_{t-1}, w = 0.2, x_0 = 0.9: the common recipe gives 0.288 at step 3 instead of 0.108."""
    w = torch.tensor(0.2, dtype=torch.float64, requires_grad=True)
    batch = whole(torch.zeros(1, 3, 1, dtype=torch.float64), None)._replace(
        begins=torch.zeros(1, 3, dtype=torch.bool)
    )
    bptt = Truncated(k1=1, k2=3)
    state = bptt.first_state((torch.full((1, 1), 0.9, dtype=torch.float64),))
    grads = [torch.autograd.grad(u.loss, w)[0].item() for u in bptt.losses(Linear(w), batch, state)]
    assert grads == pytest.approx([0.9, 0.36, 0.108], rel=1e-12)


def test_each_loss_counts_once_in_every_window_it_lies_in() -> None:
    """Windows of Truncated(2, 4) over 7 steps, by hand: 0-1, 0-3, 2-5 and 4-6, which keeps its place."""
    windows = [(0, 2), (0, 4), (2, 6), (4, 7)]
    expected = torch.zeros(7, 7, dtype=torch.int64)
    for start, stop in windows:
        expected[start:stop, start:stop] += torch.ones(stop - start, stop - start, dtype=torch.int64).tril()
    assert torch.equal(Truncated(k1=2, k2=4, scored="window").credit_matrix(7), expected)


def test_truncated_to_everything_is_full() -> None:
    torch.manual_seed(1)
    net, batch = SquaredError(make(CORES["LSTM"], 2)), random_batch(ragged=True)
    (full,), (cut,) = (update_gradients(s, net, [batch]) for s in (Full(), Truncated(k1=T, k2=T)))
    torch.testing.assert_close(cut, full, rtol=0, atol=0)
