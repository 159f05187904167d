"""Schedules of checkpointing: run counts in closed form, the gradient of Full, memory within a budget."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from oracle import SquaredError

from elman.batch import SequenceBatch, whole
from elman.bptt import BackpropThroughTime, Checkpointed, Full
from elman.bptt.checkpointed import saved_bytes, within
from elman.bptt.revolve import advance, forward_runs
from elman.cores import LSTM, Elman
from elman.errors import BadInput

TABLE = {  # forward steps of Revolve by sequence length, for 2, 3, 5, 10, 20, 32 and 50 slots
    100: (945, 590, 416, 322, 278, 266, 248),
    1000: (29820, 13155, 7284, 4636, 3747, 3405, 2948),
    10000: (942820, 288730, 122868, 67624, 47976, 42860, 38622),
}
SLOTS = (2, 3, 5, 10, 20, 32, 50)


def counted(runs: int, slots: int) -> int:
    """Pieces run forward by a schedule that `advance` steers, counted one by one."""
    kept, end, count = [0], runs, 0
    while end:
        at, free = kept[-1], slots - len(kept) + 1
        if at < end - 1:
            step = advance(end - at, free)
            count += step
            if free > 1:
                kept.append(at + step)
                continue
        count, end = count + 1, end - 1  # taped
        if at == end:
            kept.pop()
    return count


@pytest.mark.parametrize("runs", TABLE)
def test_the_published_counts(runs: int) -> None:
    for slots, expected in zip(SLOTS, TABLE[runs], strict=True):
        assert forward_runs(runs, slots) == counted(runs, slots) == expected


def test_no_schedule_needs_fewer_runs() -> None:
    """The dynamic programme of Gruslys et al. (2016), arXiv 1606.03401, over all lengths up to 60."""

    @cache
    def best(t: int, m: int) -> int:
        if t == 1 or m == 1:
            return t * (t + 1) // 2
        return min(y + best(t - y, m - 1) + best(y, m) for y in range(1, t))

    for slots in range(1, 13):
        for runs in range(1, 60):
            assert forward_runs(runs, slots) == counted(runs, slots) == best(runs, slots)


B, T, F, H = 3, 23, 2, 4
SCHEDULES = [
    Checkpointed(window=5),
    Checkpointed(window=1),
    Checkpointed(window=40),
    Checkpointed(window=3, schedule="revolve", slots=2),
    Checkpointed(window=1, schedule="revolve", slots=3),
    Checkpointed(window=4, schedule="revolve", slots=1),
    Checkpointed(schedule="revolve"),
]
schedules = pytest.mark.parametrize("bptt", SCHEDULES, ids=lambda s: f"{s.schedule}-{s.window}-{s.slots}")


class CountingSquaredError(SquaredError):
    """Counts the windows that it runs."""

    calls = 0

    def forward(self, window, carry):
        self.calls += 1
        return super().forward(window, carry)


def made(dropout: float = 0.0) -> tuple[CountingSquaredError, SequenceBatch]:
    torch.manual_seed(2)
    x, y = (torch.randn(B, T, n, dtype=torch.float64) for n in (F, 2))
    return CountingSquaredError(LSTM(F, hidden_size=H, layers=2, dropout=dropout)), whole(x, y)


def unrolled(net: CountingSquaredError, batch: SequenceBatch, window: int) -> torch.Tensor:
    """The gradient, window by window from the last to the first, with the activations of all of them kept."""
    carry, tapes, params = net.core.initial_carry(B), [], list(net.parameters())
    for start in range(0, T, window):
        before = tuple(leaf.detach().requires_grad_() for leaf in carry)
        loss, carry = net(batch.window(start, min(start + window, T)), before)
        tapes.append((before, loss, carry))
    sums, back = [torch.zeros_like(p) for p in params], None
    for before, loss, after in reversed(tapes):
        outputs, grads = ([loss, *after], [torch.ones_like(loss), *back]) if back else ([loss], None)
        found = torch.autograd.grad(outputs, [*params, *before], grads)
        sums, back = [a + b for a, b in zip(sums, found, strict=False)], found[len(params) :]
    return torch.cat([g.flatten() for g in sums])


def gradient(bptt: BackpropThroughTime, net: CountingSquaredError, batch: SequenceBatch) -> torch.Tensor:
    (update,) = bptt.losses(net, batch, bptt.first_state(net.core.initial_carry(B)))
    net.zero_grad()
    update.loss.backward()
    return torch.cat([p.grad.flatten() for p in net.parameters()])


@schedules
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_the_same_operations_as_windows_that_are_all_kept(bptt: Checkpointed, dropout: float) -> None:
    """Bitwise, with dropout drawn alike; and the generator goes on as if nothing had run again."""
    net, batch = made(dropout)
    torch.manual_seed(3)
    expected = unrolled(net, batch, bptt.window or 16)
    then = torch.rand(3)
    torch.manual_seed(3)
    found = gradient(bptt, net, batch)
    exact = 0 if bptt.schedule == "revolve" else 1e-14  # sqrt adds up in the order of one graph
    torch.testing.assert_close(found, expected, rtol=exact, atol=exact)
    assert torch.equal(torch.rand(3), then)


@schedules
def test_windows_run_as_often_as_the_closed_form_says(bptt: Checkpointed) -> None:
    net, batch = made()
    gradient(bptt, net, batch)
    if bptt.schedule == "sqrt":
        assert net.calls == 2 * -(-T // bptt.window)
    else:
        assert net.calls == forward_runs(-(-T // (bptt.window or 16)), bptt.slots or 10)


@schedules
def test_the_gradient_of_full(bptt: Checkpointed) -> None:
    net, batch = made()
    torch.testing.assert_close(
        gradient(bptt, net, batch), gradient(Full(), net, batch), rtol=1e-12, atol=1e-13
    )


@schedules
def test_in_low_precision_the_second_run_is_the_first(bptt: Checkpointed) -> None:
    """The backward pass runs outside the trainer's autocast; the windows of it run within, in bfloat16."""
    net, batch = made()
    net, batch = net.float(), batch._replace(x=batch.x.float(), y=batch.y.float())
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        (update,) = bptt.losses(net, batch, bptt.first_state(net.core.initial_carry(B)))
        expected = unrolled(net, batch, bptt.window or 16)
    found = torch.cat([g.flatten() for g in torch.autograd.grad(update.loss, list(net.parameters()))])
    if bptt.schedule == "revolve":
        torch.testing.assert_close(found, expected, rtol=0, atol=0)
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0.02 * float(expected.abs().max()))


@schedules
def test_parameters_whose_gradients_are_one_tensor(bptt: Checkpointed) -> None:
    """Autograd gives both biases of a cell the same tensor; adding up in place must not add for both."""
    _, batch = made()
    torch.manual_seed(2)
    net = CountingSquaredError(Elman(F, hidden_size=H, kernel="loop"))
    found, full = gradient(bptt, net, batch), gradient(Full(), net, batch)
    torch.testing.assert_close(found, full, rtol=1e-12, atol=1e-13)


def test_what_a_step_needs_is_measured_once() -> None:
    """Also by a run that goes on, and by one whose checkpoint is of before."""
    net, batch = made()
    bptt, again, old = (Checkpointed(memory=4) for _ in range(3))
    carry = net.core.initial_carry(B)
    plan = bptt.plan(net, batch, carry)
    again.load_state_dict(bptt.state_dict())
    old.load_state_dict({})
    calls = net.calls
    assert again.plan(net, batch, carry) == plan
    assert net.calls == calls
    assert old.plan(net, batch, carry) == plan
    assert net.calls == calls + 1


def test_a_gradient_is_taken_once() -> None:
    net, batch = made()
    (update,) = SCHEDULES[3].losses(net, batch, SCHEDULES[3].first_state(net.core.initial_carry(B)))
    update.loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        update.loss.backward()


@pytest.mark.parametrize("steps", [1, 7, 100, 1000])
def test_what_a_budget_allows(steps: int) -> None:
    """Nothing fits better among all windows of a power of two; nothing that is chosen is too large."""
    step, carry = 30.0, 7.0
    for budget in (37.0, 50.0, 100.0, 400.0, 1e3, 1e5):
        window, slots = within(budget, steps, step=step, carry=carry)
        assert window * step + slots * carry <= budget
        cost = forward_runs(-(-steps // window), slots) * (window + 16)
        for other in {min(2**n, steps) for n in range(11)}:
            most = min(int((budget - other * step) // carry), -(-steps // other))
            if most >= 1:
                assert cost <= forward_runs(-(-steps // other), most) * (other + 16)
    with pytest.raises(BadInput, match=r"one step of this batch needs .*; raise it, or take fewer rows"):
        within(36.0, steps, step=step, carry=carry)


def test_what_a_step_saves() -> None:
    """By hand, Elman by the loop through autograd: 16 steps of 3 rows save at least their h and their x."""
    torch.manual_seed(2)
    net = SquaredError(Elman(F, hidden_size=H, kernel="loop"))
    batch = made()[1]
    state = torch.get_rng_state()
    sixteen, four = (saved_bytes(net, batch.window(0, n), net.core.initial_carry(B)) for n in (16, 4))
    assert torch.equal(torch.get_rng_state(), state)
    assert sixteen >= 16 * B * H * 8
    assert sixteen == pytest.approx(4 * four, rel=0.3)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"window": 0}, "window=0"),
        ({"schedule": "tree"}, "schedule must be 'sqrt' or 'revolve', got 'tree'"),
        ({"slots": 3}, "slots counts carries kept by schedule=revolve, at least 1, got slots=3"),
        ({"slots": 0, "schedule": "revolve"}, "slots=0"),
        ({"memory": 3.0, "window": 4}, "memory chooses window and slots; leave them out, got memory=3.0"),
        ({"memory": 3.0, "slots": 4}, "leave them out"),
        ({"memory": 0.0}, "memory counts MiB and must be positive, got memory=0.0"),
        ({"memory": float("nan")}, "memory=nan"),
    ],
    ids=str,
)
def test_impossible_schedules_are_refused(options: dict, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Checkpointed(**options)
