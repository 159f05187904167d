"""An optimiser over one vector is torch's own, bit by bit, and its state is kept as torch's."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from elman.tasks.flat_step import FlatStep
from elman.tasks.gradient import FlatGradient

OPTIMIZERS = {
    "sgd": partial(torch.optim.SGD, lr=0.1),
    "sgd, decay": partial(torch.optim.SGD, lr=0.1, weight_decay=0.3),
    "momentum": partial(torch.optim.SGD, lr=0.1, momentum=0.9, dampening=0.2, weight_decay=0.1),
    "nesterov": partial(torch.optim.SGD, lr=0.1, momentum=0.9, nesterov=True),
    "adam": partial(torch.optim.Adam, lr=0.01),
    "adam, decay": partial(torch.optim.Adam, lr=0.01, betas=(0.8, 0.95), weight_decay=0.1),
    "adamw": partial(torch.optim.AdamW, lr=0.01, eps=1e-4),
}


def module() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))


def flat(net: nn.Module, optimizer: torch.optim.Optimizer) -> FlatGradient:
    gradient = FlatGradient(list(net.parameters()))
    assert FlatStep.fits(optimizer, gradient.parameters)
    FlatStep(optimizer, gradient)
    gradient.attach()
    return gradient


def steps(net: nn.Module, optimizer: torch.optim.Optimizer, numbers: range) -> None:
    for number in numbers:
        draw = torch.Generator().manual_seed(number)
        for parameter in net.parameters():
            value = torch.randn(parameter.shape, generator=draw)
            if parameter.grad is None:
                parameter.grad = value
            else:
                parameter.grad.copy_(value)
        optimizer.param_groups[0]["lr"] *= 0.9  # as a schedule does
        optimizer.step()


def both(net: nn.Module, own: Any, other: nn.Module, optimizer: Any, numbers: range) -> None:
    steps(net, own, numbers)
    steps(other, optimizer, numbers)


def same(one: Any, other: Any) -> None:
    """Two state dicts, tensors bit by bit."""
    assert one["param_groups"] == other["param_groups"]
    assert {n: set(s) for n, s in one["state"].items()} == {n: set(s) for n, s in other["state"].items()}
    for number, state in one["state"].items():
        for name, value in state.items():
            wanted = other["state"][number][name]
            assert value is wanted or torch.equal(value, wanted)


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_it_is_torchs(make: Any) -> None:
    """Its state goes into a fresh one in the middle, and back into torch's own after it."""
    expected, net = module(), module()
    own, optimizer = make(expected.parameters()), make(net.parameters())
    flat(net, optimizer)
    both(expected, own, net, optimizer, range(4))
    same(optimizer.state_dict(), own.state_dict())
    again = make(net.parameters())
    again.load_state_dict(optimizer.state_dict())
    flat(net, again)
    both(expected, own, net, again, range(4, 7))
    plain = make(net.parameters())
    plain.load_state_dict(again.state_dict())
    both(expected, own, net, plain, range(7, 10))
    same(plain.state_dict(), own.state_dict())
    for parameter, wanted in zip(net.parameters(), expected.parameters(), strict=True):
        assert torch.equal(parameter, wanted)


def test_weights_lie_in_one_vector_and_frozen_ones_stay() -> None:
    net = module()
    net[0].bias.requires_grad_(False)
    frozen = net[0].bias.clone()
    learns = [p for p in net.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(net.parameters(), lr=1.0, weight_decay=0.5)
    gradient = FlatGradient(learns)
    assert FlatStep.fits(optimizer, learns)
    step = FlatStep(optimizer, gradient)
    gradient.clear()
    gradient.vector.fill_(1.0)
    optimizer.step()
    assert torch.equal(torch.cat([p.detach().flatten() for p in learns]), step.weights)
    assert {p.untyped_storage().data_ptr() for p in learns} == {step.weights.untyped_storage().data_ptr()}
    assert torch.equal(net[0].bias, frozen)


class Own(torch.optim.SGD):
    """A user's rule."""


@pytest.mark.parametrize(
    "make",
    [
        lambda ps: Own(ps, lr=0.1),
        lambda ps: torch.optim.RMSprop(ps, lr=0.1),
        lambda ps: torch.optim.Adam(ps, amsgrad=True),
        lambda ps: torch.optim.SGD(ps, lr=0.1, maximize=True),
        lambda ps: torch.optim.Adam(ps, lr=torch.tensor(0.1)),
        lambda ps: torch.optim.SGD([{"params": ps[:1]}, {"params": ps[1:]}], lr=0.1),
        lambda ps: torch.optim.SGD(ps[1:], lr=0.1),
    ],
    ids=["own", "rmsprop", "amsgrad", "maximize", "tensor lr", "two groups", "not all"],
)
def test_others_keep_their_own_step(make: Any) -> None:
    parameters = list(module().parameters())
    assert not FlatStep.fits(make(parameters), parameters)


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_whoever_listens_to_steps_is_told(make: Any) -> None:
    """For some steps in the middle, and sees the state of torch's own; numbers are as before."""
    expected, net = module(), module()
    own, optimizer = make(expected.parameters()), make(net.parameters())
    flat(net, optimizer)
    seen: list[Any] = []
    both(expected, own, net, optimizer, range(2))
    handles = [
        optimizer.register_step_pre_hook(lambda o, *_: seen.append(o.state_dict())),
        optimizer.register_step_post_hook(lambda o, *_: seen.append(copy.deepcopy(o.state_dict()))),
    ]
    both(expected, own, net, optimizer, range(2, 4))
    assert len(seen) == 4
    same(seen[-1], own.state_dict())
    for handle in handles:
        handle.remove()
    both(expected, own, net, optimizer, range(4, 6))
    assert len(seen) == 4
    same(optimizer.state_dict(), own.state_dict())
    for parameter, other in zip(net.parameters(), expected.parameters(), strict=True):
        assert torch.equal(parameter, other)


def test_whoever_listens_to_all_optimisers_is_told() -> None:
    net = module()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    flat(net, optimizer)
    seen: list[Any] = []
    handle = register_optimizer_step_post_hook(lambda o, *_: seen.append(o))
    steps(net, optimizer, range(1))
    handle.remove()
    steps(net, optimizer, range(1))
    assert seen == [optimizer]


def test_weights_that_were_put_elsewhere_are_taken_in() -> None:
    net = module()
    gradient = FlatGradient(list(net.parameters()))
    optimizer = torch.optim.SGD(net.parameters(), lr=1.0)
    step = FlatStep(optimizer, gradient)
    gradient.clear()
    gradient.vector.fill_(1.0)
    elsewhere = [torch.randn_like(p) for p in net.parameters()]
    for parameter, values in zip(net.parameters(), elsewhere, strict=True):
        parameter.data = values.clone()
    step.gather()
    optimizer.step()
    for parameter, values in zip(net.parameters(), elsewhere, strict=True):
        assert torch.equal(parameter, values - 1)
