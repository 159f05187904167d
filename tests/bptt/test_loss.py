"""Gradients that are known reach parameters as those of autograd do."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from elman.bptt.loss import LossByHand, Ready


def by_autograd(parameter: nn.Parameter, gradient: torch.Tensor) -> None:
    (parameter * gradient).sum().backward()


def by_hand(parameter: nn.Parameter, gradient: torch.Tensor) -> None:
    LossByHand(torch.zeros(()), [Ready([(parameter, gradient)])]).backward()


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("way", [by_autograd, by_hand])
def test_they_add_up_and_hooks_are_called(way: Any, there: bool) -> None:
    parameter, gradient, seen = nn.Parameter(torch.ones(3, 2)), torch.arange(6.0).view(2, 3).t(), []
    if there:
        parameter.grad = torch.ones(3, 2)
    handles = [
        parameter.register_hook(lambda g: seen.append(("before", g.clone()))),
        parameter.register_hook(lambda g: 2 * g),
        parameter.register_post_accumulate_grad_hook(lambda p: seen.append(("after", p.grad.clone()))),
    ]
    way(parameter, gradient)
    for handle in handles:
        handle.remove()
    assert [name for name, _ in seen] == ["before", "after"]
    assert torch.equal(seen[0][1], gradient)
    assert torch.equal(seen[1][1], 2 * gradient + there)
    assert parameter.grad.is_contiguous()
    way(parameter, gradient)
    assert torch.equal(parameter.grad, 3 * gradient + there)


def test_what_does_not_learn_stays_without_one() -> None:
    parameter = nn.Parameter(torch.ones(2), requires_grad=False)
    by_hand(parameter, torch.ones(2))
    assert parameter.grad is None


def test_a_window_goes_backward_once() -> None:
    loss = LossByHand(torch.zeros(()), [Ready([(nn.Parameter(torch.ones(2)), torch.ones(2))])])
    loss.backward()
    with pytest.raises(RuntimeError, match="a second time"):
        loss.backward()
