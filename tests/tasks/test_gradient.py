"""One buffer whose pieces are the gradients of all parameters."""

from __future__ import annotations

import pytest
import torch
from task_toys import fit, make_task, stream, taken
from torch import nn

from elman.bptt import Carried, Full, Update, update_of
from elman.errors import BadInput
from elman.tasks.gradient import Flags, FlatGradient


def make_net() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2)).double()


def test_gradients_land_in_the_buffer_in_the_order_of_parameters() -> None:
    net, other, x = make_net(), make_net(), torch.randn(4, 3).double()
    gradient = FlatGradient(list(net.parameters()))
    for loss in (net(x).square().sum(), net(2 * x).square().sum()):
        net.zero_grad(set_to_none=True)  # as Lightning does at moments of its own
        gradient.clear()
        loss.backward()
    other(2 * x).square().sum().backward()
    expected = torch.cat([p.grad.flatten() for p in other.parameters()])
    torch.testing.assert_close(gradient.vector, expected, rtol=0, atol=0)


def test_what_is_done_to_the_vector_is_done_to_the_gradients() -> None:
    net = make_net()
    gradient = FlatGradient(list(net.parameters()))
    gradient.clear()
    net(torch.ones(1, 3).double()).sum().backward()
    gradient.vector.mul_(3)
    opt = torch.optim.SGD(net.parameters(), lr=1)
    before = torch.cat([p.detach().flatten() for p in net.parameters()])
    opt.step()
    after = torch.cat([p.detach().flatten() for p in net.parameters()])
    torch.testing.assert_close(before - after, gradient.vector, rtol=0, atol=1e-15)


def test_views_survive_a_validation_between_batches() -> None:
    """Lightning sets gradients to None before validation; the next update must not lose its own."""
    batches, task = stream(4, 4), make_task(bptt=Full())
    plain = make_task(bptt=Full())
    fit(plain, batches)
    fit(task, batches, val=stream(3, seed=9), val_check_interval=1)
    assert torch.equal(task.network.readout.weight, plain.network.readout.weight)


def test_one_process_reports_its_own_flags() -> None:
    gradient = FlatGradient(list(make_net().parameters()))
    assert gradient.reduce(None) == Flags(0, 0, 0, 0, 0, 0)
    update = Update(torch.tensor(2.0), 6, (), closes=False, lr_scale=0.5)
    assert gradient.reduce(update) == Flags(working=1, scored=6, loss=0, open=1, lr_scale=0.5, weight=6)


def test_frozen_parameters_are_left_out() -> None:
    """Their gradient is not computed, and their weights stay."""
    task = make_task(bptt=Full())
    task.network.readout.bias.requires_grad_(False)
    task.objective.parameters = [p for p in task.parameters() if p.requires_grad]
    difference = taken(task, stream(4))
    assert bool((difference[-5:] == 0).all())
    assert bool((difference[:-5] != 0).any())


def test_parameters_of_two_kinds_are_refused() -> None:
    net = make_net()
    net[2].float()
    with pytest.raises(ValueError, match="must share one dtype and device"):
        FlatGradient(list(net.parameters()))


def test_no_parameters_are_refused() -> None:
    with pytest.raises(ValueError, match="must share one dtype and device"):
        FlatGradient([])


def test_a_window_that_goes_on_from_a_used_graph_is_refused() -> None:
    """A strategy that forgets to detach the carry between two updates."""

    class Attached(Full):
        def losses(self, objective, batch, state):
            carry = state.carry
            for start in (0, 5):
                window = batch.window(start, start + 5)
                loss, carry = objective(window, carry)
                yield update_of(loss, [window], Carried(carry))

    with pytest.raises(BadInput, match=r"a carry whose graph was used .* begin it from detached\(carry\)"):
        fit(make_task(bptt=Attached()), stream(10))
