"""Training in a real trainer makes the updates of a loop written in PyTorch alone."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from task_toys import (
    FEATURES,
    HIDDEN,
    ROWS,
    Hand,
    cut,
    fit,
    hand_look_back,
    hand_updates,
    hand_windows,
    joined,
    make_task,
    stream,
    truncated,
    weights,
)

from elman.bptt import BackpropThroughTime, Checkpointed, Full, Split, Truncated
from elman.tasks import Constant, CrossEntropy, SequenceTask

CUTS = (7, 4, 6)  # no window of 3 ends where a batch does
adam = partial(torch.optim.Adam, lr=0.01)


@pytest.mark.parametrize(
    ("bptt", "losses"),
    [
        (truncated(3), lambda net, x, y: hand_windows(net, x, y, 3)),
        (Split(k=3), lambda net, x, y: hand_windows(net, x, y, 3, forget=True)),
        (Truncated(k1=3, k2=5), lambda net, x, y: hand_look_back(net, x, y, 3, 5)),
        (Truncated(k1=3, k2=8), lambda net, x, y: hand_look_back(net, x, y, 3, 8)),
    ],
    ids=lambda v: str(vars(v)) if isinstance(v, BackpropThroughTime) else "",
)
def test_windows_of_a_stream(bptt: BackpropThroughTime, losses) -> None:
    """Adam, clip and warm-up over 6 updates of 3 steps, the last of 2, across three batches."""
    batches = stream(*CUTS)
    task = make_task(bptt=bptt, clip=0.5, optimizer=adam, schedule=Constant(warmup=3))
    net = Hand(task)
    norms = hand_updates(
        net,
        losses(net, *joined(batches)),
        adam,
        divisors=[3 * ROWS] * 6,
        clip=0.5,
        factors=[0.25, 0.5, 0.75, 1, 1, 1],
    )
    assert min(norms) < 0.5 < max(norms)  # some were clipped, some were not
    fit(task, batches)
    assert task.updates.made == len(norms) == 6
    torch.testing.assert_close(weights(task), weights(net), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "bptt",
    [Full(), Checkpointed(), Checkpointed(window=3), Checkpointed(memory=3)],
    ids=lambda s: str(vars(s)),
)
def test_one_update_a_batch_with_the_carry_going_on(bptt: BackpropThroughTime) -> None:
    batches = stream(*CUTS)
    task = make_task(bptt=bptt, optimizer=adam)
    net = Hand(task)

    def losses():
        carry = None
        for batch in batches:
            loss, carry = net.loss(batch.x, batch.y, carry)
            yield loss
            carry = tuple(c.detach() for c in carry)

    hand_updates(net, losses(), adam, divisors=[ROWS * n for n in CUTS])
    fit(task, batches)
    torch.testing.assert_close(weights(task), weights(net), rtol=0, atol=1e-12)


@pytest.mark.parametrize("embedding", [None, 3])
def test_symbols(embedding: int | None) -> None:
    """Ids through one-hot rows or learned vectors to classes."""
    symbols, ids = 6, torch.randint(6, (ROWS, 12), generator=torch.Generator().manual_seed(3))
    (values,) = stream(11)
    batches = cut(values._replace(x=ids[:, :-1], y=ids[:, 1:]), 4, 7)
    task = make_task(
        input_size=symbols,
        output_size=symbols,
        token_ids=True,
        embedding=embedding,
        loss=CrossEntropy(),
        bptt=truncated(4),
        optimizer=adam,
    )
    net = Hand(task)
    table = torch.eye(symbols, dtype=torch.float64)
    if embedding:
        table = torch.nn.Parameter(task.network.embedding.weight.detach().clone())
        net.register_parameter("table", table)

    def losses():
        carry = None
        for start in range(0, 11, 4):
            out, carry = net(table[ids[:, start : min(start + 4, 11)]], carry)
            chosen = out.log_softmax(-1).gather(-1, ids[:, start + 1 : start + 5, None])
            yield -chosen.sum()
            carry = tuple(c.detach() for c in carry)

    hand_updates(net, losses(), adam, divisors=[4 * ROWS] * 3)
    fit(task, batches)
    for name in ("weight", "bias"):
        mine, theirs = getattr(task.network.readout, name), getattr(net.readout, name)
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-12)
    if embedding:
        torch.testing.assert_close(task.network.embedding.weight, table, rtol=0, atol=1e-12)


def test_an_end_of_a_stream_begins_all_rows_anew() -> None:
    """After `is_last` nothing is carried, whatever `is_first` says, and another number of rows may come."""
    one, two = stream(5)[0], stream(4, rows=2, seed=5)[0]
    two = two._replace(begins=torch.zeros(2, two.steps, dtype=torch.bool))
    task = make_task(bptt=truncated(2))
    net = Hand(task)
    for batch in (one, two):
        hand_updates(
            net,
            hand_windows(net, batch.x, batch.y, 2),
            partial(torch.optim.SGD, lr=1.0),
            divisors=[2 * len(batch.x)] * 3,
        )
    fit(task, [one, two])
    torch.testing.assert_close(weights(task), weights(net), rtol=0, atol=1e-12)


def test_dropout_before_the_readout_acts_in_training_alone() -> None:
    batches = stream(6)
    plain, dropped = (make_task(bptt=Full(), readout_dropout=share) for share in (0.0, 0.5))
    for task in (plain, dropped):
        fit(task, batches)
    assert not torch.allclose(weights(plain), weights(dropped))
    dropped.eval()
    x, carry = torch.randn(1, 3, FEATURES).double(), dropped.network.core.initial_carry(1)
    torch.testing.assert_close(
        dropped.network.predict(x, carry)[0], dropped.network.predict(x, carry)[0], rtol=0, atol=0
    )
    assert dropped.network.core.output_size == HIDDEN


def test_defaults_build_a_task() -> None:
    task = SequenceTask(input_size=4, output_size=4, token_ids=True)
    assert (type(task.bptt), type(task.loss), type(task.network.core).__name__) == (
        Truncated,
        CrossEntropy,
        "LSTM",
    )
