"""What a summed gradient is divided by, and which windows make an update together."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
import torch
from task_toys import (
    ROWS,
    Hand,
    cut,
    fit,
    hand_updates,
    hand_windows,
    joined,
    make_task,
    many_to_one,
    sgd,
    stream,
    taken,
    truncated,
    weights,
)

from elman.batch import SequenceBatch
from elman.bptt import Full, Truncated, Update
from elman.bptt.full import Carried
from elman.tasks import Constant
from elman.tree import detached

SLOW = partial(torch.optim.SGD, lr=0.1)


def gradient(net: Hand, losses, divisor: float) -> torch.Tensor:
    """Of all losses under one set of weights."""
    net.zero_grad()
    for loss in losses:
        (loss / divisor).backward()
    return torch.cat([p.grad.flatten() for p in net.parameters()])


@pytest.mark.parametrize(
    ("normaliser", "divisors"),
    [("steps", (7, 7)), ("scored", (7, 3)), ("sequence", (10, 10)), ("rows", (1, 1)), ("auto", (7, 7))],
)
def test_windows_of_seven_and_three_steps(normaliser: str, divisors: tuple[int, int]) -> None:
    (batch,) = stream(10)
    task = make_task(bptt=truncated(7), normaliser=normaliser, optimizer=SLOW)
    net = Hand(task)
    losses = hand_windows(net, batch.x, batch.y, 7)
    hand_updates(net, losses, SLOW, divisors=[ROWS * d for d in divisors])
    fit(task, [batch])
    torch.testing.assert_close(weights(task), weights(net), rtol=0, atol=1e-12)


def test_a_mean_clipped_at_a_share_is_a_sum_clipped_at_one() -> None:
    """lr sqrt(k) on a mean over k steps, clipped at c / k = lr 1 / sqrt(k) on their sum, clipped at c."""
    k, decay = 4, 0.1
    (batch,) = stream(12)
    mean, summed, free = (
        make_task(
            bptt=truncated(k),
            normaliser=normaliser,
            clip=clip,
            optimizer=partial(torch.optim.SGD, lr=0.1 * k**power, weight_decay=decay * share),
        )
        for normaliser, clip, power, share in (
            ("steps", 0.3 / k, 0.5, 1),
            ("rows", 0.3, -0.5, k),
            ("rows", None, -0.5, k),
        )
    )
    for task in (mean, summed, free):
        fit(task, [batch])
    # a clipped norm is divided by itself + 1e-6, which is another share of the smaller one
    torch.testing.assert_close(weights(mean), weights(summed), rtol=0, atol=1e-6)
    assert (weights(free) - weights(summed)).abs().max() > 1e-2  # it was clipped


@pytest.mark.parametrize(
    ("normaliser", "divisors"), [("auto", (4, 2)), ("steps", (12, 12)), ("rows", (3, 3))]
)
def test_where_targets_are_sparse(normaliser: str, divisors: tuple[int, int]) -> None:
    """4 of 12 steps of the first window are scored and 2 of 6 of the second; `auto` divides by these."""
    (batch,) = stream(6)
    scored = torch.tensor([[1, 1, 0, 0, 0, 0], [0, 1, 0, 0, 1, 0], [0, 1, 0, 0, 0, 1]], dtype=torch.bool)
    task = make_task(bptt=truncated(4), normaliser=normaliser, optimizer=SLOW)
    net = Hand(task)

    def losses():
        carry = None
        for a, b in ((0, 4), (4, 6)):
            out, carry = net(batch.x[:, a:b], carry)
            errors = (out - batch.y[:, a:b]).square().mean(-1)
            yield (errors * scored[:, a:b]).sum()
            carry = detached(carry)

    hand_updates(net, losses(), SLOW, divisors=divisors)
    fit(task, [batch._replace(scored=scored)])
    torch.testing.assert_close(weights(task), weights(net), rtol=0, atol=1e-12)


def test_auto_is_settled_by_the_first_batch() -> None:
    task = make_task(bptt=truncated(4))
    fit(task, [many_to_one(5), *stream(6)])
    assert task.updates.normaliser == "scored"


def test_padding_is_no_sparseness() -> None:
    (batch,) = stream(6)
    lengths = torch.tensor([6, 4, 1])
    exists = torch.arange(6) < lengths[:, None]
    task = make_task(bptt=truncated(4))
    fit(task, [batch._replace(lengths=lengths, scored=exists)])
    assert (task.updates.normaliser, task.time_steps) == ("steps", 11)


def test_windows_without_a_scored_step_do_not_move_adam() -> None:
    """Many-to-one in windows of 3: one update of 7 steps' last window, from one moment of Adam."""
    adam, batch = partial(torch.optim.Adam, lr=0.01), many_to_one(7)
    task = make_task(bptt=truncated(3), optimizer=adam)
    net = Hand(task)
    with torch.no_grad():
        _, carry = net(batch.x[:, :6])
    out, _ = net(batch.x[:, 6:], carry)
    hand_updates(net, [(out - batch.y[:, 6:]).square().mean(-1).sum()], adam, divisors=[ROWS])
    trainer = fit(task, [batch])
    torch.testing.assert_close(weights(task), weights(net), rtol=0, atol=1e-12)
    assert task.updates.made == 1
    assert {float(state["step"]) for state in trainer.optimizers[0].state_dict()["state"].values()} == {1.0}


def test_a_batch_without_a_scored_step_changes_nothing() -> None:
    (batch,) = stream(7)
    task = make_task(bptt=truncated(3), optimizer=torch.optim.Adam)
    before = weights(task)
    trainer = fit(task, [batch._replace(scored=torch.zeros_like(batch.scored))])
    assert torch.equal(weights(task), before)
    assert (task.updates.made, task.updates.skipped, task.time_steps) == (0, 0, 7 * ROWS)
    assert not trainer.optimizers[0].state_dict()["state"]


def test_two_updates_joined() -> None:
    """accumulate=2 over windows of 3, 3, 3, 2: two steps, each of two windows under the same weights."""
    (batch,) = stream(11)
    task = make_task(bptt=truncated(3), accumulate=2, optimizer=SLOW)
    net = Hand(task)

    def pairs():
        carry = None
        for a in (0, 6):
            first, carry = net.loss(batch.x[:, a : a + 3], batch.y[:, a : a + 3], carry)
            carry = detached(carry)
            second, carry = net.loss(batch.x[:, a + 3 : a + 6], batch.y[:, a + 3 : a + 6], carry)
            yield first + second
            carry = detached(carry)

    hand_updates(net, pairs(), SLOW, divisors=[6 * ROWS] * 2)
    fit(task, [batch])
    assert task.updates.made == 2
    torch.testing.assert_close(weights(task), weights(net), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("normaliser", "divisor"),
    [("steps", 10 * ROWS), ("scored", 10 * ROWS), ("sequence", 10 * ROWS), ("rows", ROWS)],
)
def test_batches_of_seven_and_three_steps_joined(normaliser: str, divisor: int) -> None:
    """One step for two batches of other lengths divides by the steps of both."""
    batches = stream(7, 3)
    task = make_task(bptt=Full(), accumulate=2, normaliser=normaliser)
    net = Hand(task)
    x, y = joined(batches)
    expected = gradient(net, hand_windows(net, x, y, 7), divisor)
    torch.testing.assert_close(taken(task, batches), expected, rtol=0, atol=1e-12)
    assert task.updates.made == 1


@pytest.mark.parametrize(
    ("normaliser", "divisor"),
    [("steps", 12 * ROWS), ("scored", 10 * ROWS), ("sequence", 10 * ROWS), ("rows", ROWS)],
)
def test_one_update_a_batch(normaliser: str, divisor: int) -> None:
    """All windows of a batch under the same weights; a full update of `steps` is 4 windows of 3."""
    (batch,) = stream(10)
    task = make_task(bptt=truncated(3), accumulate="batch", normaliser=normaliser)
    net = Hand(task)
    expected = gradient(net, hand_windows(net, batch.x, batch.y, 3), divisor)
    torch.testing.assert_close(taken(task, [batch]), expected, rtol=0, atol=1e-12)


def test_a_window_over_all_is_full() -> None:
    """Ragged rows: one update from the whole sequence, by either name, equal to rows run one by one."""
    (batch,) = stream(9)
    lengths = torch.tensor([9, 2, 6])
    batch = batch._replace(lengths=lengths, scored=torch.arange(9) < lengths[:, None])
    whole, cut_at_the_end = (
        taken(make_task(bptt=bptt, accumulate=n, normaliser="sequence"), [batch])
        for bptt, n in ((Full(), 1), (Truncated(k1=9, k2=9), "batch"))
    )
    net = Hand(make_task())
    rows = [net.loss(batch.x[b : b + 1, :n], batch.y[b : b + 1, :n])[0] for b, n in enumerate(lengths)]
    expected = gradient(net, rows, 9 + 2 + 6)
    torch.testing.assert_close(whole, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(cut_at_the_end, expected, rtol=0, atol=1e-12)


class Pieces(Truncated):
    """From outside: windows that only add to the gradient, up to the last; a lower rate for each update."""

    def __init__(self, *, k: int, lr_scale: float = 1.0, per_update: int = 10**6) -> None:
        super().__init__(k1=k, k2=k)
        self.lr_scale, self.per_update = lr_scale, per_update

    def first_state(self, carry):
        return Carried(carry)

    def losses(self, objective, batch: SequenceBatch, state) -> Iterator[Update]:
        carry = state.carry
        for number, start in enumerate(range(0, batch.steps, self.k1), start=1):
            stop = min(start + self.k1, batch.steps)
            loss, carry = objective(batch.window(start, stop), carry)
            carry = detached(carry)
            closes = number % self.per_update == 0 or stop == batch.steps
            scored = ROWS * (stop - start)
            yield Update(loss, scored, Carried(carry), closes=closes, lr_scale=self.lr_scale)

    def update_steps(self, steps: int) -> int:
        return steps


@pytest.mark.parametrize("lr_scale", [1.0, 0.25])
def test_windows_that_do_not_close_add_without_a_step(lr_scale: float) -> None:
    (batch,) = stream(8)
    task = make_task(bptt=Pieces(k=3, lr_scale=lr_scale))
    net = Hand(task)
    expected = gradient(net, hand_windows(net, batch.x, batch.y, 3), 8 * ROWS)
    torch.testing.assert_close(taken(task, [batch]), lr_scale * expected, rtol=0, atol=1e-12)
    assert task.updates.made == 1


def test_open_windows_and_joined_updates_together() -> None:
    """Windows of 2 in a batch of 8, two to an update, two updates to a step: one step of 4 windows."""
    (batch,) = stream(8)
    task = make_task(bptt=Pieces(k=2, lr_scale=0.5, per_update=2), accumulate=2, normaliser="scored")
    net = Hand(task)
    expected = gradient(net, hand_windows(net, batch.x, batch.y, 2), 8 * ROWS)
    torch.testing.assert_close(taken(task, [batch]), 0.5 * expected, rtol=0, atol=1e-12)
    assert task.updates.made == 1


def test_one_update_a_batch_keeps_the_rate_a_strategy_asks_for() -> None:
    batches = cut(stream(8)[0], 8)
    one, scaled = (
        taken(make_task(bptt=Pieces(k=2, per_update=2, lr_scale=f), accumulate="batch"), batches)
        for f in (1.0, 0.5)
    )
    torch.testing.assert_close(scaled, 0.5 * one, rtol=0, atol=1e-12)


def test_gradients_that_wait_go_into_the_next_step() -> None:
    """accumulate=2 over three batches: the third one's gradient waits, unless that is the end of the run."""
    batches = stream(4, 4, 4)
    two, three = (make_task(bptt=Full(), accumulate=2, schedule=Constant(), optimizer=sgd) for _ in range(2))
    fit(two, batches[:2])
    end, three.on_train_end = three.on_train_end, lambda: None
    trainer = fit(three, batches)
    assert torch.equal(weights(two), weights(three))
    assert three.updates.accumulator.updates == 1
    three.trainer = trainer
    end()
    assert not torch.equal(weights(two), weights(three))
    assert (three.updates.accumulator.updates, three.updates.made) == (0, 2)
