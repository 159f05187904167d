"""Clipping, and what becomes of numbers that are not finite."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from task_toys import (
    ROWS,
    Hand,
    Loader,
    Seen,
    fit,
    hand_windows,
    make_task,
    make_trainer,
    stream,
    taken,
    truncated,
    weights,
)

from elman.bptt import Full, Truncated
from elman.errors import BadInput
from elman.run.trainer import Budget

SLOW = partial(torch.optim.SGD, lr=0.1)


@pytest.mark.parametrize("times", [1, 50])
def test_the_limit_is_on_the_normalised_gradient(times: int) -> None:
    """A clipped step is as long as the limit and points where the gradient does, however large the sum is."""
    (batch,) = stream(6)
    free = taken(make_task(bptt=Full()), [batch])
    limit = float(free.norm()) / 2
    batch = batch._replace(
        **{name: getattr(batch, name).repeat(times, *[1] * n) for name, n in FIELDS.items()}
    )
    clipped = taken(make_task(bptt=Full(), clip=limit), [batch])
    assert float(clipped.norm()) == pytest.approx(limit, rel=1e-4)  # the usual 1e-6 beside the norm
    torch.testing.assert_close(clipped / clipped.norm(), free / free.norm(), rtol=0, atol=1e-12)


FIELDS = {"x": 2, "y": 2, "scored": 1, "lengths": 0, "begins": 1}


def test_below_the_limit_nothing_is_changed() -> None:
    (batch,) = stream(6)
    free = taken(make_task(bptt=Full()), [batch])
    limit = 1.001 * float(free.norm())
    assert torch.equal(taken(make_task(bptt=Full(), clip=limit), [batch]), free)


def test_the_share_of_clipped_updates_is_reported() -> None:
    """By the norms of the same windows in PyTorch alone."""
    (batch,) = stream(9)
    task, seen = make_task(bptt=truncated(3), optimizer=partial(torch.optim.SGD, lr=0.0)), Seen()
    net, norms = Hand(task), []
    for loss in hand_windows(net, batch.x, batch.y, 3):
        net.zero_grad()
        (loss / (3 * ROWS)).backward()
        norms.append(float(torch.cat([p.grad.flatten() for p in net.parameters()]).norm()))
    task.updates.clip = sorted(norms)[1] * 0.999  # two of three are above
    fit(task, [batch], logger=seen)
    ((step, figures),) = seen.points
    assert step == 9 * ROWS
    assert figures["train/clipped_share"] == pytest.approx(2 / 3)
    assert figures["train/gradient_norm"] == pytest.approx(sum(norms) / 3, rel=1e-12)


def broken_at(row: int, step: int, batch):
    x = batch.x.clone()
    x[row, step] = float("nan")
    return batch._replace(x=x)


def test_one_bad_input_costs_one_update_and_one_row() -> None:
    """Row 1 is broken in the second of four windows: its row begins anew in the third, others carry on."""
    (batch,) = stream(12)
    task, seen = make_task(bptt=truncated(3), optimizer=SLOW), Seen()
    net, opt = Hand(task), None
    opt, carry = SLOW(net.parameters()), None
    losses = []
    for start in (0, 3, 6, 9):
        x, y = batch.x[:, start : start + 3], batch.y[:, start : start + 3]
        if start == 3:  # no update; the rows that are whole go on
            with torch.no_grad():
                _, carry = net(x, carry)
            for leaf in carry:
                leaf[:, 1] = 0
            continue
        opt.zero_grad()
        loss, carry = net.loss(x, y, carry)
        (loss / (3 * ROWS)).backward()
        opt.step()
        losses.append(float(loss))
        carry = tuple(c.detach() for c in carry)
    fit(task, [broken_at(1, 4, batch)], logger=seen)
    assert (task.updates.made, task.updates.skipped, task.train_state.restarted_rows) == (3, 1, 1)
    torch.testing.assert_close(weights(task), weights(net), rtol=0, atol=1e-12)
    ((_, figures),) = seen.points
    assert figures["train/mse"] == pytest.approx(sum(losses) / (9 * ROWS), rel=1e-12)
    assert figures["train/skipped_updates"] == figures["train/restarted_rows"] == 1


def test_a_row_begins_anew_at_the_next_batch() -> None:
    """The last window of a batch is broken in row 2: the next batch continues the others alone."""
    first, second = stream(6, 4)
    task = make_task(bptt=Full(), optimizer=SLOW)
    net = Hand(task)
    with torch.no_grad():
        _, carry = net(first.x)
    for leaf in carry:
        leaf[:, 2] = 0
    opt = SLOW(net.parameters())
    loss, _ = net.loss(second.x, second.y, carry)
    (loss / (4 * ROWS)).backward()
    opt.step()
    fit(task, [broken_at(2, 5, first), second])
    assert (task.updates.made, task.updates.skipped, task.train_state.restarted_rows) == (1, 1, 1)
    torch.testing.assert_close(weights(task), weights(net), rtol=0, atol=1e-12)


def test_a_bad_input_among_kept_steps() -> None:
    """Steps that wait or are looked back to may hold it; every window that runs over it is lost, no more."""
    batches = stream(7, 7, 8)
    batches[0] = broken_at(0, 6, batches[0])  # step 6 waits, and is looked back to from steps 7 and 8
    task = make_task(bptt=Truncated(k1=2, k2=4), optimizer=SLOW)
    fit(task, batches)
    assert bool(torch.isfinite(weights(task)).all())
    assert task.updates.made + task.updates.skipped == 11
    assert task.updates.skipped <= 2
    assert task.train_state.restarted_rows == 1


def test_a_validation_after_a_skipped_update() -> None:
    """Whose batches have another number of rows."""
    task, val = make_task(bptt=truncated(2)), stream(5, rows=2, seed=9)
    trainer = fit(task, [broken_at(0, 3, stream(4)[0])], val=val, val_check_interval=1)
    assert task.updates.skipped == 1
    assert "val/mse" in trainer.callback_metrics


def test_a_skipped_update_leaves_weights_and_optimiser_alone() -> None:
    (batch,) = stream(5)
    task = make_task(bptt=Full(), optimizer=torch.optim.Adam)
    before = weights(task)
    trainer = fit(task, [broken_at(0, 0, batch)])
    assert torch.equal(weights(task), before)
    assert not trainer.optimizers[0].state_dict()["state"]


@pytest.mark.parametrize("at_most", [0, 2])
def test_too_many_in_a_row_end_the_run(at_most: int) -> None:
    good, bad = stream(4)[0], broken_at(0, 1, stream(4)[0])
    task = make_task(bptt=Full(), skip_at_most=at_most)
    if at_most:  # good ones between start the count anew
        fit(task, [bad] * at_most + [good] + [bad] * at_most)
    with pytest.raises(
        BadInput, match=rf"{at_most + 1} updates in a row .* model.skip_at_most={at_most} allows"
    ):
        fit(make_task(bptt=Full(), skip_at_most=at_most), [good] + [bad] * (at_most + 1))


@pytest.mark.parametrize(("k1", "k2", "spoilt"), [(1, 6, 6), (2, 5, 3), (3, 3, 1)])
def test_a_bad_step_that_many_windows_look_back_to_counts_once(k1: int, k2: int, spoilt: int) -> None:
    """It spoils every window that runs over it; `skip_at_most` is about steps that are bad by themselves."""
    task = make_task(bptt=Truncated(k1=k1, k2=k2), optimizer=SLOW, skip_at_most=1)
    fit(task, [broken_at(0, 7, stream(24)[0])])
    assert task.updates.skipped == spoilt == task.bptt.updates_of_a_step()
    assert task.updates.made == -(-24 // k1) - spoilt
    assert bool(torch.isfinite(weights(task)).all())
    batch = stream(24)[0]
    for step in range(6, 6 + 3 * k1, k1):
        batch = broken_at(1, step, batch)
    with pytest.raises(BadInput, match=r"more than model.skip_at_most=1 allows"):
        fit(make_task(bptt=Truncated(k1=k1, k2=k2), skip_at_most=1), [batch])


def test_no_skip_at_all_means_none() -> None:
    task = make_task(bptt=Truncated(k1=1, k2=6), skip_at_most=0)
    with pytest.raises(BadInput, match=r"1 updates in a row .*skip_at_most=0 allows"):
        fit(task, [broken_at(0, 7, stream(24)[0])])


def test_bad_data_is_named() -> None:
    """Batch, row and step, where lowering the learning rate would not help; without it, all goes well."""
    good, bad = stream(4)[0], broken_at(1, 2, stream(4)[0])
    with pytest.raises(
        BadInput,
        match=r"allows: training batch 2 holds nan in the inputs of row 1, step 2; mend the data or leave",
    ):
        fit(make_task(bptt=Full(), skip_at_most=0), [good, good, bad])
    targets = good._replace(y=good.y.clone())
    targets.y[2, 3] = float("-inf")
    with pytest.raises(BadInput, match=r"batch 1 holds -inf in the targets of row 2, step 3; "):
        fit(make_task(bptt=Full(), skip_at_most=0), [good, targets])
    fit(make_task(bptt=Full(), skip_at_most=0), [good, good])


def test_bad_data_of_an_earlier_batch_is_named() -> None:
    """The update that is one too many looks back over a border."""
    batches = [b._replace(is_last=False) for b in stream(6, 6)]
    batches[0] = broken_at(0, 5, batches[0])
    task = make_task(bptt=Truncated(k1=1, k2=4), skip_at_most=0)
    with pytest.raises(BadInput, match="training batch 0 holds nan in the inputs of row 0, step 5"):
        fit(task, batches)


def test_weights_that_leave_all_numbers_are_to_blame_where_data_is_good() -> None:
    task = make_task(bptt=Full(), optimizer=partial(torch.optim.SGD, lr=1e200), skip_at_most=0)
    with pytest.raises(BadInput, match=r"allows; lower the learning rate or model\.clip"):
        fit(task, [stream(4)[0]] * 5)


@pytest.mark.parametrize("normaliser", ["steps", "scored", "sequence"])
def test_windows_that_wait_at_the_end_make_an_update(normaliser: str) -> None:
    """Seven windows, four joined: an update of four and one of three, as by hand."""
    (batch,) = stream(14)
    task = make_task(bptt=truncated(2), optimizer=SLOW, accumulate=4, normaliser=normaliser)
    net = Hand(task)
    opt = SLOW(net.parameters())
    carry, total = None, 0.0
    for number in range(7):
        x, y = (part[:, 2 * number : 2 * number + 2] for part in (batch.x, batch.y))
        loss, carry = net.loss(x, y, carry)
        carry = tuple(c.detach() for c in carry)
        total = total + loss
        if number in (3, 6):
            opt.zero_grad()
            scored = 14 * ROWS if normaliser == "sequence" else (8 if number == 3 else 6) * ROWS
            (total / scored).backward()
            opt.step()
            total = 0.0
    fit(task, [batch])
    assert task.updates.made == 2
    torch.testing.assert_close(weights(task), weights(net), rtol=0, atol=1e-12)


def test_the_last_validation_is_of_the_last_update() -> None:
    """A budget that ends among windows that wait."""
    task, val = make_task(bptt=truncated(2), optimizer=SLOW, accumulate=4), stream(5, seed=9)
    trainer = fit(
        task,
        stream(14, 14),
        val=val,
        val_check_interval=2,
        callbacks=[Budget(max_time_steps=14 * ROWS, max_minutes=None)],
    )
    assert (task.time_steps, task.updates.made) == (14 * ROWS, 2)
    found = float(trainer.callback_metrics["val/mse"])
    again = make_trainer()
    again.validate(task, Loader(val), verbose=False)
    assert found == float(again.callback_metrics["val/mse"])
