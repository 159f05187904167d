"""A window's loss that goes backward without autograd."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import count
from typing import Any, Protocol

import torch
from torch import Tensor

from elman.cores._by_hand import gradient_of
from elman.tree import Carry

NUMBERS = count()
TWICE = "Trying to go backward through the graph a second time"
"""As autograd says it."""


class Loss(Protocol):
    """What a strategy may do with a window's loss: add it to others and hand it on. A tensor is one."""

    def __add__(self, other: Any, /) -> Any: ...

    def backward(self) -> None:
        """Add its gradient to the parameters'."""

    def detach(self) -> Tensor:
        """Its value."""


class Node(ABC):
    """A window that was run without autograd, between the one that it goes on from and those that go on.

    Args:
        parent: the window whose carry it began with, and (B, 1, 1) bool, the rows that did not, None: all
            did; None: no row did.
    """

    def __init__(self, parent: tuple[Node, Tensor | None] | None) -> None:
        self.number, self.parent = next(NUMBERS), parent
        self.dend: Carry | None = None  # by the carry after it, of those that went backward

    @abstractmethod
    def pull(self, dend: Carry | None) -> Carry:
        """Add the gradients of its parameters, once; that by the carry it began with.

        Args:
            dend: of the loss by the carry after it; None: it has no part in it.
        """

    def back(self) -> None:
        """Its own part, and what it hands to its parent."""
        dcarry, self.dend = self.pull(self.dend), None
        if self.parent is None or not dcarry:
            return
        parent, begun = self.parent
        if begun is not None:
            dcarry = tuple(leaf.masked_fill(begun, 0) for leaf in dcarry)
        had = parent.dend
        parent.dend = dcarry if had is None else tuple(a + b for a, b in zip(had, dcarry, strict=True))


class Weighted(Node):
    """A carry handed on as it is, what comes back through it multiplied."""

    def __init__(self, node: Node, weight: float) -> None:
        super().__init__((node, None))
        self.weight = weight

    def pull(self, dend: Carry | None) -> Carry:
        return () if dend is None else tuple(leaf * self.weight for leaf in dend)


class Ready(Node):
    """A window whose gradients are known.

    Args:
        gradients: each of a parameter.
    """

    def __init__(self, gradients: Sequence[tuple[Tensor, Tensor]]) -> None:
        super().__init__(None)
        self.gradients: Sequence[tuple[Tensor, Tensor]] | None = gradients

    def pull(self, dend: Carry | None) -> Carry:
        """Hooks on a parameter's gradient are called as autograd calls them."""
        if self.gradients is None:
            raise RuntimeError(TWICE)
        for parameter, gradient in self.gradients:
            if parameter.requires_grad:
                add_gradient(parameter, gradient)
        self.gradients = None
        return ()


def add_gradient(parameter: Tensor, gradient: Tensor) -> None:
    """As the end of autograd's way back."""
    for hook in tuple((parameter._backward_hooks or {}).values()):
        changed = hook(gradient)
        gradient = gradient if changed is None else changed
    gradient_of(parameter).add_(gradient)
    for hook in tuple((getattr(parameter, "_post_accumulate_grad_hooks", None) or {}).values()):
        hook(parameter)


class LinkedCarry(tuple):
    """A carry that knows the window it comes from; `detached` gives one that does not."""

    node: Node

    @classmethod
    def of(cls, carry: Carry, node: Node) -> LinkedCarry:
        linked = cls(carry)
        linked.node = node
        return linked


class LossByHand:
    """The summed loss of windows that know their own way back, in place of a tensor with a graph.

    Args:
        value: detached.
        nodes: the windows.
    """

    def __init__(self, value: Tensor, nodes: Sequence[Node]) -> None:
        self.value, self.nodes = value, nodes

    def __add__(self, other: LossByHand) -> LossByHand:
        return LossByHand(self.value + other.value, [*self.nodes, *other.nodes])

    def detach(self) -> Tensor:
        return self.value

    def backward(self) -> None:
        """Add its gradient to the parameters', from the last window to the first; once.

        Raises:
            RuntimeError: if a window that it goes through has gone backward before.
        """
        if len(self.nodes) == 1 and self.nodes[0].parent is None:
            self.nodes[0].back()
            return
        reached, waiting = {}, list(self.nodes)
        while waiting:
            node = waiting.pop()
            reached[node.number] = node
            if node.parent is not None and node.parent[0].number not in reached:
                waiting.append(node.parent[0])
        for number in sorted(reached, reverse=True):
            reached[number].back()


def gradients_of(loss: Loss, parameters: Sequence[Tensor]) -> list[Tensor]:
    """By each of `parameters`, zero where the loss has no part in it; their `.grad` stays as it was."""
    if isinstance(loss, Tensor):
        return list(torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True))
    had = [parameter.grad for parameter in parameters]
    for parameter in parameters:
        parameter.grad = torch.zeros_like(parameter)
    loss.backward()
    found = [parameter.grad for parameter in parameters]
    for parameter, before in zip(parameters, had, strict=True):
        parameter.grad = before
    return [gradient for gradient in found if gradient is not None]
