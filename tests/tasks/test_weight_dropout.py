"""Recurrent weights are dropped once an update: look-back, recomputation and joined windows have the same."""

from __future__ import annotations

import itertools
from functools import cache, partial

import pytest
import torch
from noise_by_hand import key_of, mask
from task_toys import HIDDEN, ROWS, fit, joined, make_task, stream, taken, weights
from torch import Tensor, nn

from elman.bptt import RTRL, Checkpointed, Full, Truncated
from elman.cores import Elman
from elman.tasks.by_hand import obstacle

SHARE, SEED = 0.4, 17
SGD = partial(torch.optim.SGD, lr=0.1)
masks = cache(mask)


class ByHand(nn.Module):
    """Two layers of tanh units and a readout, with the weights of a task, and the masks of an update."""

    def __init__(self, task) -> None:
        super().__init__()
        stack, readout = task.network.core.stack, task.network.readout
        named = [stack.weights_of(layer) for layer in range(2)]
        self.own = nn.ParameterList(
            p.detach().clone()
            for p in (*(w for layer in named for w in layer.values()), *readout.parameters())
        )

    def parameters_in_order(self) -> Tensor:
        return torch.cat([p.detach().flatten() for p in self.own])

    def loss(self, x: Tensor, y: Tensor, carry: list[Tensor], update: int) -> tuple[Tensor, list[Tensor]]:
        """Of one step."""
        after = []
        for layer, h in enumerate(carry):
            w_ih, w_hh, b_ih, b_hh = self.own[4 * layer : 4 * layer + 4]
            kept = masks(key_of(SEED, 0, update, 0, layer), w_hh.shape, SHARE)
            x = torch.tanh(x @ w_ih.t() + h @ (w_hh * kept).t() + b_ih + b_hh)
            after.append(x)
        return (x @ self.own[8].t() + self.own[9] - y).square().mean(-1).sum(), after


def hand_trained(task, x: Tensor, y: Tensor, *, k1: int, k2: int, accumulate: int) -> Tensor:
    """Windows of k1 steps from the carry k2 back, an update for every `accumulate` of them."""
    net = ByHand(task)
    optimizer = SGD(net.parameters())
    carries = {0: [torch.zeros(ROWS, HIDDEN, dtype=torch.float64)] * 2}
    update = waiting = 0
    for first in range(0, x.shape[1], k1):
        stop, start = min(first + k1, x.shape[1]), max(0, first + k1 - k2)
        carry, total = carries[start], torch.zeros(())
        for t in range(start, stop):
            loss, carry = net.loss(x[:, t], y[:, t], carry, update)
            carries[t + 1] = [h.detach() for h in carry]
            total = total + (loss if t >= first else 0.0)
        (total / (ROWS * k1 * accumulate)).backward()
        waiting += 1
        if waiting == accumulate:
            optimizer.step()
            optimizer.zero_grad()
            update, waiting = update + 1, 0
    assert not waiting
    return net.parameters_in_order()


@pytest.mark.parametrize(
    ("kernel", "cuts", "accumulate"),
    [("auto", (24,), 1), ("native", (5, 10, 2, 7), 1), ("scan", (4, 11, 9), 2), ("loop", (24,), 2)],
)
def test_updates_are_those_of_masks_written_out(kernel: str, cuts: tuple[int, ...], accumulate: int) -> None:
    core = partial(Elman, hidden_size=HIDDEN, layers=2, weight_dropout=SHARE, kernel=kernel)
    task = make_task(core=core, bptt=Truncated(k1=3, k2=7), accumulate=accumulate, optimizer=SGD)
    batches = stream(*cuts)
    by_hand = hand_trained(task, *joined(batches), k1=3, k2=7, accumulate=accumulate)
    torch.manual_seed(SEED)
    fit(task, batches)
    torch.testing.assert_close(weights(task), by_hand, rtol=0, atol=1e-12)
    assert obstacle(task) == f"weight_dropout={SHARE}"


def test_recomputed_windows_have_the_weights_of_their_update() -> None:
    found = []
    for bptt in (Full(), Checkpointed(window=3), Checkpointed(schedule="revolve", window=2, slots=2)):
        task = make_task(core=partial(Elman, hidden_size=HIDDEN, weight_dropout=SHARE), bptt=bptt)
        torch.manual_seed(SEED)
        found.append(taken(task, stream(11)))
    plain = taken(make_task(core=partial(Elman, hidden_size=HIDDEN), bptt=Full()), stream(11))
    for gradient in found[1:]:
        torch.testing.assert_close(gradient, found[0], rtol=0, atol=1e-12)
    assert (found[0] - plain).abs().max() > 1e-3


def test_a_share_of_zero_is_the_plain_run() -> None:
    runs = []
    for share in ({}, {"weight_dropout": 0.0}):
        task = make_task(core=partial(Elman, hidden_size=HIDDEN, **share), bptt=Truncated(k1=3, k2=7))
        torch.manual_seed(SEED)
        fit(task, stream(8, 8))
        assert not obstacle(task)
        runs.append(weights(task))
    assert torch.equal(*runs)


def test_weights_change_after_an_update_that_is_skipped_too() -> None:
    task = make_task(
        core=partial(Elman, hidden_size=HIDDEN, weight_dropout=SHARE), bptt=Truncated(k1=4, k2=4)
    )
    (batch,) = stream(12)
    batch.y[:, 5] = torch.nan
    seen, draw = [], task.training_loop.weight_noise.draw

    def drawn(update: int, **options) -> None:
        draw(update, **options)
        seen.append((update, tuple(task.network.core.stack._masks[0].flatten().tolist())))

    task.training_loop.weight_noise.draw = drawn
    fit(task, [batch])
    assert task.updates.skipped == 1
    assert [update for update, _ in seen] == [0, 1, 2, 3]
    assert all(a != b for (_, a), (_, b) in itertools.pairwise(seen))


def test_what_traces_the_weights_is_refused() -> None:
    with pytest.raises(ValueError, match=r"RTRL cannot train this core: .* set weight_dropout: 0"):
        make_task(core=partial(Elman, hidden_size=3, weight_dropout=SHARE), bptt=RTRL())
