"""Every strategy, every core: the gradient is the sum of C[t, s] g[t, s]."""

from __future__ import annotations

import inspect
from functools import partial

import pytest
import torch
from oracle import SquaredError, flat_gradient, pair_gradients, update_gradients

import elman.bptt
import elman.cores
from elman.batch import SequenceBatch, whole
from elman.bptt import BackpropThroughTime, Checkpointed, Full, Split, Truncated, Update
from elman.cores import GRU, LSTM, Bidirectional, Centred, Elman, FeedForward, Pooled

B, T, F, H = 3, 11, 2, 4
LENGTHS = torch.tensor([11, 7, 3])

STRATEGIES = [
    Full(),
    Split(k=1),
    Split(k=4),
    Split(k=30),
    Truncated(k1=1, k2=1),
    Truncated(k1=4, k2=4),
    Truncated(k1=1, k2=4),
    Truncated(k1=2, k2=5),
    Truncated(k1=3, k2=4),
    Truncated(k1=4, k2=11),
    Truncated(k1=T, k2=T),
    Truncated(k1=20, k2=30),
    Checkpointed(),
    Checkpointed(window=4),
]
CORES = {
    "elman": lambda layers: Elman(F, hidden_size=H, layers=layers),
    "elman_relu": lambda layers: Elman(F, hidden_size=H, layers=layers, nonlinearity="relu"),
    "elman_sigmoid": lambda layers: Elman(F, hidden_size=H, layers=layers, nonlinearity="sigmoid"),
    "lstm": lambda layers: LSTM(F, hidden_size=H, layers=layers),
    "gru_residual": lambda layers: GRU(F, hidden_size=H, layers=layers, residual=True),
    "feed_forward": lambda layers: FeedForward(F, hidden_size=H, layers=layers),
    "pooled_max": lambda layers: Pooled(F, core=partial(LSTM, hidden_size=H, layers=layers)),
    "pooled_mean": lambda layers: Pooled(F, core=partial(GRU, hidden_size=H, layers=layers), how="mean"),
    "centred": lambda layers: Centred(F, core=partial(GRU, hidden_size=H, layers=layers), both=True),
}
CREDITED_TO_LATER_STEPS = {Bidirectional}  # C[t, s] with s > t has no meaning in a strategy's matrix


def name(bptt: object) -> str:
    return type(bptt).__name__ + "-".join(str(v) for v in vars(bptt).values())


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
    public = {
        c for c in vars(elman.bptt).values() if inspect.isclass(c) and issubclass(c, BackpropThroughTime)
    }
    assert {type(s) for s in STRATEGIES} == public - {BackpropThroughTime}


def test_no_core_is_left_out() -> None:
    public = {c for c in vars(elman.cores).values() if inspect.isclass(c) and issubclass(c, elman.cores.Core)}
    assert {type(make(1)) for make in CORES.values()} | CREDITED_TO_LATER_STEPS == public - {elman.cores.Core}


@pytest.mark.parametrize("ragged", [False, True], ids=["even", "ragged"])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("bptt", STRATEGIES, ids=name)
def test_gradient_is_the_credited_sum(
    bptt: BackpropThroughTime, core: str, layers: int, ragged: bool, known: dict
) -> None:
    torch.manual_seed(1)
    net, batch = SquaredError(CORES[core](layers)), random_batch(ragged=ragged)
    restart = bptt.k if isinstance(bptt, Split) else None
    key = (core, layers, ragged, restart)
    if key not in known:
        known[key] = pair_gradients(net, batch, restart)
    credit = bptt.credit_matrix(T).to(torch.float64)
    expected = torch.einsum("ts,tsp->p", credit, known[key])
    torch.testing.assert_close(sum(update_gradients(bptt, net, [batch])), expected, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("bptt", STRATEGIES, ids=name)
def test_each_update_scores_its_own_steps(bptt: BackpropThroughTime) -> None:
    """Update i takes the credit of steps [i n, (i+1) n), n = update_steps, and counts what it scored."""
    torch.manual_seed(1)
    net, batch = SquaredError(CORES["lstm"](1)), random_batch(ragged=False)
    g = pair_gradients(net, batch, bptt.k if isinstance(bptt, Split) else None)
    credit, each = bptt.credit_matrix(T).to(torch.float64), bptt.update_steps(T)
    state = bptt.first_state(net.core.initial_carry(B))
    updates = 0
    for first, update in zip(range(0, T, each), bptt.losses(net, batch, state), strict=True):
        last = min(first + each, T)
        expected = torch.einsum("ts,tsp->p", credit[first:last], g[first:last])
        torch.testing.assert_close(flat_gradient(update.loss, net), expected, rtol=1e-10, atol=1e-11)
        assert update.scored == B * (last - first)
        updates += 1
    assert updates == -(-T // each)


@pytest.mark.parametrize("bptt", [s for s in STRATEGIES if s.exact], ids=name)
def test_exact_means_exact(bptt: BackpropThroughTime) -> None:
    torch.manual_seed(1)
    net, batch = SquaredError(CORES["lstm"](2)), random_batch(ragged=True)
    (update,) = bptt.losses(net, batch, bptt.first_state(net.core.initial_carry(B)))
    whole_loss, _ = net(batch, net.core.initial_carry(B))
    torch.testing.assert_close(
        flat_gradient(update.loss, net), flat_gradient(whole_loss, net), rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize("bptt", STRATEGIES, ids=name)
def test_credit_is_where_inputs_have_gradient(bptt: BackpropThroughTime) -> None:
    """dL_t/dx_s is not zero exactly where C[t, s] > 0 (Split's network does not even see the rest)."""
    torch.manual_seed(1)
    net, batch = SquaredError(CORES["gru_residual"](2)), random_batch(ragged=False)
    credit = bptt.credit_matrix(T)
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
        self.w = w

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
    batch = whole(torch.zeros(1, 3, 1, dtype=torch.float64), None)._replace(is_first=torch.tensor([False]))
    bptt = Truncated(k1=1, k2=3)
    state = bptt.first_state((torch.full((1, 1), 0.9, dtype=torch.float64),))
    grads = [torch.autograd.grad(u.loss, w)[0].item() for u in bptt.losses(Linear(w), batch, state)]
    assert grads == pytest.approx([0.9, 0.36, 0.108], rel=1e-12)


def test_truncated_to_everything_is_full() -> None:
    torch.manual_seed(1)
    net, batch = SquaredError(CORES["lstm"](2)), random_batch(ragged=True)
    (full,), (cut,) = (update_gradients(s, net, [batch]) for s in (Full(), Truncated(k1=T, k2=T)))
    torch.testing.assert_close(cut, full, rtol=0, atol=0)


class LastStepOnly(BackpropThroughTime):
    """A strategy from outside: only the last step is scored and credited."""

    exact = False
    continues = True

    def first_state(self, carry):
        return (carry,)

    def losses(self, objective, batch, state):
        with torch.no_grad():
            _, carry = objective(batch.window(0, batch.steps - 1), state[0])
        loss, carry = objective(batch.window(batch.steps - 1, batch.steps), carry)
        yield Update(loss, len(batch.x), (tuple(c.detach() for c in carry),))

    def update_steps(self, steps):
        return 1

    def credit_matrix(self, steps):
        credit = torch.zeros(steps, steps, dtype=torch.int64)
        credit[-1, -1] = 1
        return credit


def test_a_strategy_from_outside_needs_nothing_but_the_contract() -> None:
    torch.manual_seed(1)
    net, batch = SquaredError(CORES["lstm"](1)), random_batch(ragged=False)
    expected = torch.einsum("ts,tsp->p", LastStepOnly().credit_matrix(T).double(), pair_gradients(net, batch))
    torch.testing.assert_close(
        update_gradients(LastStepOnly(), net, [batch])[0], expected, rtol=1e-10, atol=1e-12
    )
