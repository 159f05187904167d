"""A step of a cell as arithmetic on single units, between the products that a scan computes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

from torch import Tensor

from elman.tree import Carry


class Slopes(NamedTuple):
    """Derivatives of some steps in a row, n rows in all, before they meet the gradient that comes in.

    A step's incoming gradient is dh, of the loss by its h, and dc by its c where the cell carries one. With a
    the gates before their nonlinearities and p = W h_{t-1}, they are used as

        dc += shows dh;   dp = by dh in the last gates and dc in the first `through_memory` ones;
        dc = keeps dc;    dh_{t-1} = direct dh + W' dp.

    Args:
        product: (n, G, H), dp by that gradient; overwritten.
        rest: (n, G - J, H), of the drive of the gates that get their product apart; overwritten. None: there
            are none, and the gradient of a gate's drive is that of its product.
        direct: (n, H), dh_{t-1} by dh past the product; None: none.
        shows: (n, H), dc by dh; None: the cell has no c.
        keeps: (n, H), dc_{t-1} by dc.
    """

    product: Tensor
    rest: Tensor | None = None
    direct: Tensor | None = None
    shows: Tensor | None = None
    keeps: Tensor | None = None


class Pointwise(ABC):
    """What a scan asks of a cell whose step is one product with h_{t-1}, then units on their own.

    The first `joined` of `gates` gates read drive + W h_{t-1}; the others get both apart, the product with
    its bias. The carry is (h,), or (h, c).
    """

    gates: ClassVar[int] = 1
    joined: ClassVar[int] = 1

    keeps_gates: ClassVar[bool] = True
    """Whether `slopes` reads the gates; otherwise a scan need not keep them."""

    through_memory: ClassVar[int] = 0
    """Leading gates that act on h through c alone."""

    native: str | None = None
    """The name of this step in _native.c; None: it is not there."""

    @abstractmethod
    def step(self, joined: Tensor, rest: Tensor, apart: Tensor, carry: Carry, new: Carry) -> None:
        """One step, in place.

        Args:
            joined: (B, J H), a of those gates; left as `slopes` wants it.
            rest: (B, (G - J) H), drive of the others; likewise.
            apart: (B, (G - J) H), W h_{t-1} + b of the others.
            carry: (B, H) each, before the step.
            new: (B, H) each, where the carry after it is written.
        """

    @abstractmethod
    def slopes(self, joined: Tensor, rest: Tensor, apart: Tensor, *, before: Carry, after: Carry) -> Slopes:
        """Derivatives of a block of steps, n rows of all of them under one another.

        Args:
            joined, rest, apart: as `step` has left them; read where `keeps_gates` is True.
            before: (n, H) each, the carry that every step began with.
            after: the carry that it ended with.
        """
