"""A length chosen by its estimated bias: closed forms, autograd, and what training makes of it."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from oracle import SquaredError, flat_gradient
from task_toys import fit, make_task, stream, weights

from elman.batch import SequenceBatch, at_first_step, whole
from elman.bptt import Adaptive, Truncated
from elman.bptt.bias import carry_gradients, relative_bias
from elman.bptt.buffered_window import BufferedWindow
from elman.cores import LSTM
from elman.errors import BadInput
from elman.tree import rows

B, T, F, H = 3, 14, 2, 4


class Scalar:
    """h_t = w h_{t-1} + x_t; the loss is the sum of scored h_t."""

    def __init__(self, w: float) -> None:
        self.w = torch.tensor(w, dtype=torch.float64, requires_grad=True)
        self.parameters = [self.w]

    def agree(self, value):
        return value

    def __call__(self, window: SequenceBatch, carry: tuple) -> tuple:
        loss, (h,) = window.x.new_zeros(()), carry
        for t in range(window.steps):
            h = self.w * h + window.x[:, t]
            loss = loss + h[window.scored[:, t]].sum()
        return loss, (h,)


@pytest.mark.parametrize(("w", "chosen", "least"), [(0.5, 4, 4), (0.9, 22, 22), (0.97, 80, 76)])
def test_a_linear_network_of_one_unit(w: float, chosen: int, least: int) -> None:
    """dh_s/dh_{s-1-k} = w^(k+1): the decay is w, and a cut after K steps leaves out w^K of the whole."""
    objective, steps = Scalar(w), 100
    batch = whole(torch.randn(2, steps, 1, dtype=torch.float64), None)
    start = (torch.zeros(2, 1, dtype=torch.float64),)
    found = carry_gradients(objective, BufferedWindow((), batch), start, stretch=steps)
    assert found[0, 0] == 2
    powers = w ** torch.arange(1, steps + 1, dtype=torch.float64)
    torch.testing.assert_close(found[1:, 0] / 2, powers, rtol=1e-12, atol=0)
    torch.testing.assert_close(found[1:, 1] / 2, powers, rtol=1e-12, atol=0)
    for tau in (80, 90):
        bias = relative_bias(found[1:, 0] / 2, found[1:, 1:] / 2, tau=tau)
        assert bias.decay == pytest.approx(w, rel=1e-12)
        true = w ** torch.arange(1, steps + 1, dtype=torch.float64)
        assert (bias.relative >= true * (1 - 1e-9)).all()  # never said to be less than it is
    assert int((true < 0.1).nonzero()[0]) + 1 == least
    bptt = Adaptive(tau=80)
    bptt.prepare(objective, batch, bptt.first_state(start))
    assert bptt.metrics()["k1"] == chosen
    assert bptt.update_steps(steps) == chosen
    assert bptt.metrics()["relative_bias"] < 0.1


def test_gradients_that_do_not_fall_take_the_longest_window() -> None:
    bptt, batch = Adaptive(most=60), whole(torch.zeros(1, 100, 1, dtype=torch.float64), None)
    bptt.prepare(Scalar(1.01), batch, bptt.first_state((torch.zeros(1, 1, dtype=torch.float64),)))
    assert bptt.metrics()["k1"] == 60
    assert set(bptt.metrics()) == {"k1", "decay"}  # no store can keep an infinite bias


def test_gradients_that_vanish_at_once_take_the_shortest_window() -> None:
    bptt, batch = Adaptive(), whole(torch.zeros(1, 100, 1, dtype=torch.float64), None)
    bptt.prepare(Scalar(1e-30), batch, bptt.first_state((torch.zeros(1, 1, dtype=torch.float64),)))
    assert bptt.metrics()["k1"] == 2


def test_gradients_that_are_not_finite_change_nothing() -> None:
    bptt, batch = Adaptive(k=7), whole(torch.zeros(1, 100, 1, dtype=torch.float64), None)
    bptt.prepare(Scalar(float("nan")), batch, bptt.first_state((torch.zeros(1, 1, dtype=torch.float64),)))
    assert bptt.metrics() == {"k1": 7}


def made() -> tuple[SquaredError, SequenceBatch]:
    torch.manual_seed(1)
    net = SquaredError(LSTM(F, hidden_size=H, layers=2, dropout=0.3))
    x, y = (torch.randn(B, T, n, dtype=torch.float64) for n in (F, 2))
    return net, whole(x, y)


def test_gradients_by_earlier_carries() -> None:
    """Against autograd through one window from each carry, over a batch border and after steps of run-up."""
    net, batch = made()
    net.eval()  # no dropout
    first, second = batch.window(0, 5), batch.window(5, T)
    steps, stretch = BufferedWindow([tuple(first)], second), 11
    found = carry_gradients(net, steps, net.core.initial_carry(B), stretch=stretch)
    assert found[0, 0] == B
    only = torch.zeros(B, T, dtype=torch.bool)
    only[:, -1] = True
    last = batch._replace(scored=only)
    for k in range(stretch):
        at = T - 1 - k
        _, carry = net(batch.window(0, at), net.core.initial_carry(B))
        carry = tuple(leaf.detach().requires_grad_() for leaf in carry)
        grads = torch.autograd.grad(net(last.window(at, T), carry)[0], carry)
        expected = torch.cat([grad.flatten(1) for grad in grads], 1)
        torch.testing.assert_close(found[1 + k, 0], expected.norm(dim=1).sum(), rtol=1e-11, atol=1e-14)
        torch.testing.assert_close(found[1 + k, 1:], expected.sum(0), rtol=1e-11, atol=1e-14)


def test_rows_of_all_ranks_add_up_and_others_do_not_count() -> None:
    """A row that begins within the stretch, ends before it does, or has no loss at its end is left out."""
    net, batch = made()
    net.eval()
    carry = net.core.initial_carry

    def found(batch: SequenceBatch) -> torch.Tensor:
        return carry_gradients(net, BufferedWindow((), batch), carry(len(batch.x)), stretch=6)

    one, two = rows(batch, torch.tensor([0])), rows(batch, torch.tensor([1, 2]))
    torch.testing.assert_close(found(batch), found(one) + found(two), rtol=1e-12, atol=1e-14)
    begins = at_first_step(torch.ones(B, dtype=torch.bool), T)
    begins[1, 10] = True
    torch.testing.assert_close(
        found(batch._replace(begins=begins)), found(rows(batch, torch.tensor([0, 2]))), rtol=1e-12, atol=1e-14
    )
    short = batch._replace(lengths=torch.tensor([T, T, T - 1]))
    short.scored[2, -1] = False
    torch.testing.assert_close(found(short), found(rows(batch, torch.tensor([0, 1]))), rtol=1e-12, atol=1e-14)
    assert not found(batch.window(0, 5)).any()  # too short


def test_an_estimate_leaves_the_random_numbers_of_training_alone() -> None:
    net, batch = made()
    torch.manual_seed(4)
    expected = torch.rand(3)
    torch.manual_seed(4)
    carry_gradients(net, BufferedWindow((), batch), net.core.initial_carry(B), stretch=6)
    assert torch.equal(torch.rand(3), expected)


def test_training_makes_the_updates_of_the_chosen_length() -> None:
    """Also what an update is divided by: the length is chosen before it is asked for."""
    bptt = Adaptive(k=4, least=1, most=8, stretch=8, delta=0.5, every=100)
    task = make_task(bptt=bptt, optimizer=partial(torch.optim.SGD, lr=0.1), normaliser="steps")
    batches = [b._replace(is_last=False) for b in stream(9, 8)]
    fit(task, batches)
    k = int(bptt.metrics()["k1"])
    assert k == 5
    lr = 0.1 * (k / 4) ** 0.5
    plain = make_task(
        bptt=Truncated(k1=k, k2=2 * k - 1), optimizer=partial(torch.optim.SGD, lr=lr), normaliser="steps"
    )
    fit(plain, batches)
    torch.testing.assert_close(weights(task), weights(plain), rtol=0, atol=1e-12)


def test_lengths_that_change_on_the_way_lose_no_step() -> None:
    """From K = 5 to 2 between batches: all steps are scored once, and the forward pass stays exact."""
    net, batch = made()
    net.eval()
    bptt, losses = Adaptive(k=5, least=1, most=5, stretch=5), 0.0
    state = bptt.first_state(net.core.initial_carry(B))
    for piece, k in ((batch.window(0, 7), 5), (batch.window(7, T), 2)):
        bptt.load_state_dict({"k": k, "batches": 0, "found": {}})
        for update in bptt.losses(net, piece, state):
            state = update.state
            losses += 0.0 if update.loss is None else float(update.loss)
            assert update.loss is None or flat_gradient(update.loss, net).abs().max() > 0
    assert losses == pytest.approx(float(net(batch, net.core.initial_carry(B))[0]), rel=1e-12)


def test_batches_that_are_too_short_are_refused() -> None:
    net, batch = made()
    bptt = Adaptive(k=5, most=20, stretch=20)
    with pytest.raises(BadInput, match=r"no row with 20 .* batches of 14 steps; lower stretch"):
        bptt.prepare(net, batch, bptt.first_state(net.core.initial_carry(B)))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"delta": 0.0}, "delta=0.0"),
        ({"k": 1}, "need 1 <= least <= k <= most <= stretch, got least=2, k=1"),
        ({"most": 101}, "most=101, stretch=100"),
        ({"tau": 100}, "needs 1 <= tau < 100, got tau=100"),
        ({"every": 0}, "every=0"),
        ({"lr_power": float("nan")}, "lr_power=nan"),
    ],
    ids=str,
)
def test_impossible_bounds_are_refused(options: dict, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Adaptive(**options)
