"""An optimiser that goes number by number, over one vector of all weights: torch's own, in a few calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks

from elman.tasks.gradient import FlatGradient

Rule = Callable[[Tensor, Tensor, dict[str, Any], dict[str, Any]], None]
"""(weights, gradient, state, options) -> an update in place, as the optimiser's own."""


def sgd(weights: Tensor, gradient: Tensor, state: dict[str, Any], options: dict[str, Any]) -> None:
    if options["weight_decay"]:
        gradient = gradient.add(weights, alpha=options["weight_decay"])
    if options["momentum"]:
        had = state.get("momentum_buffer")
        if had is None:
            state["momentum_buffer"] = gradient.clone()
        else:
            had.mul_(options["momentum"]).add_(gradient, alpha=1 - options["dampening"])
        buffer = state["momentum_buffer"]
        gradient = gradient.add(buffer, alpha=options["momentum"]) if options["nesterov"] else buffer
    weights.add_(gradient, alpha=-options["lr"])


def adam(weights: Tensor, gradient: Tensor, state: dict[str, Any], options: dict[str, Any]) -> None:
    if not state:
        state["step"] = torch.tensor(0.0)
        state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(weights), torch.zeros_like(weights)
    mean, square, (beta1, beta2) = state["exp_avg"], state["exp_avg_sq"], options["betas"]
    state["step"] += 1
    count = state["step"].item()
    if options["weight_decay"] and options["decoupled_weight_decay"]:
        weights.mul_(1 - options["lr"] * options["weight_decay"])
    elif options["weight_decay"]:
        gradient = gradient.add(weights, alpha=options["weight_decay"])
    mean.lerp_(gradient, 1 - beta1)
    square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
    size = options["lr"] / (1 - beta1**count)
    root = (square.sqrt() / (1 - beta2**count) ** 0.5).add_(options["eps"])
    weights.addcdiv_(mean, root, value=-size)


RULES: dict[type[Optimizer], Rule] = {SGD: sgd, Adam: adam, AdamW: adam}
NOT_HERE = ("amsgrad", "capturable", "differentiable", "foreach", "fused", "maximize")
"""Options that the rules do not know."""
FOR_ALL = (_global_optimizer_pre_hooks, _global_optimizer_post_hooks)
"""Who listens to steps of every optimiser."""


class FlatStep:
    """Takes the place of an optimiser's `step`; its `state_dict` stays torch's.

    The weights become views of one vector, in the order of the flat gradient. While somebody listens to
    steps, they are made by torch, number by number the same.

    Args:
        optimizer: for which `fits` holds.
        gradient: of the parameters that learn.
    """

    def __init__(self, optimizer: Optimizer, gradient: FlatGradient) -> None:
        self.optimizer, self.parameters, self.gradient = optimizer, gradient.parameters, gradient.vector
        self.rule = RULES[type(optimizer)]
        self.weights = torch.cat([p.detach().flatten() for p in self.parameters])
        self.pieces = self._split(self.weights)
        for parameter, piece in zip(self.parameters, self.pieces, strict=True):
            parameter.data = piece
        self.state = self._joined()
        optimizer.register_state_dict_pre_hook(lambda _: self._publish())
        optimizer.step = self.step  # type: ignore[method-assign]

    def gather(self) -> None:
        """Take in weights that somebody has put elsewhere since, as whoever exchanges `data` does."""
        for parameter, piece in zip(self.parameters, self.pieces, strict=True):
            if parameter.data_ptr() != piece.data_ptr():
                piece.copy_(parameter.detach())
                parameter.data = piece

    @staticmethod
    def fits(optimizer: Optimizer, parameters: list[nn.Parameter]) -> bool:
        """Whether it is one whose rule is here, over these parameters on a CPU."""
        if type(optimizer) not in RULES or len(optimizer.param_groups) != 1:
            return False
        (group,) = optimizer.param_groups
        learns = [p for p in group["params"] if p.requires_grad]
        odd = any(group.get(name) for name in NOT_HERE) or isinstance(group["lr"], Tensor)
        same = len(learns) == len(parameters) and all(a is b for a, b in zip(learns, parameters, strict=True))
        states = [set(optimizer.state[p]) if p in optimizer.state else set() for p in learns]
        alike = all(state == states[0] for state in states)
        return same and alike and not odd and parameters[0].device.type == "cpu"

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One update."""
        optimizer = self.optimizer
        if any((optimizer._optimizer_step_pre_hooks, optimizer._optimizer_step_post_hooks, *FOR_ALL)):
            self._publish()
            self.state = {}  # the optimiser's own is what counts until it is back
            found = type(optimizer).step(optimizer, closure)
            self.gather()
            self.state = self._joined()
            return found
        found = None if closure is None else closure()
        with torch.no_grad():
            self.rule(self.weights, self.gradient, self.state, optimizer.param_groups[0])
        return found

    def _split(self, vector: Tensor) -> list[Tensor]:
        pieces = vector.split([p.numel() for p in self.parameters])
        return [piece.view_as(p) for piece, p in zip(pieces, self.parameters, strict=True)]

    def _joined(self) -> dict[str, Any]:
        """The state of all parameters: what has their shape as one vector, the rest as that of the first."""
        states = [self.optimizer.state.get(p, {}) for p in self.parameters]
        joined = {}
        for name, value in states[0].items():
            alike = isinstance(value, Tensor) and value.shape == self.parameters[0].shape
            if alike and name != "step":
                joined[name] = torch.cat([state[name].flatten() for state in states])
            elif value is not None:
                joined[name] = value.clone()
        return joined

    def _publish(self) -> None:
        """Give every parameter its part of the state, if there is one."""
        if not self.state:
            return
        pieces = {
            name: self._split(value) if value.dim() else [value.clone() for _ in self.parameters]
            for name, value in self.state.items()
        }
        for number, parameter in enumerate(self.parameters):
            self.optimizer.state[parameter] = {name: of[number] for name, of in pieces.items()}
