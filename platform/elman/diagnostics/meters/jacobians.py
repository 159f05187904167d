"""The Jacobian of one step of a core, of any that goes from step to step."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from elman.errors import BadInput
from elman.tree import Carry

MOST = 512
"""Numbers that a row carries, for a matrix of all of them to be made."""


def jacobian(core: nn.Module, x: Tensor, carry: Carry) -> tuple[Tensor, Carry]:
    """J = ds_t/ds_{t-1} of one row, (n, n), s all that it carries; and the carry after the step.

    Row i of J is the gradient of number i of the carry, taken of as many equal rows at once.

    Args:
        x: (F,), what the core reads.
        carry: (1, L, H) each.

    Raises:
        BadInput: if n is more than `MOST`.
    """
    size = state_size(carry)
    before = tuple(leaf.detach().expand(size, *leaf.shape[1:]).clone().requires_grad_() for leaf in carry)
    with torch.enable_grad():
        _, after = core(x.expand(size, 1, -1), before)
        ones = torch.eye(size, dtype=x.dtype, device=x.device)
        grads = torch.autograd.grad(flat_state(after), before, ones)
    return flat_state(grads), tuple(leaf[:1].detach() for leaf in after)


def flat_state(carry: Carry) -> Tensor:
    """(B, n), all that a row carries."""
    return torch.cat([leaf.flatten(1) for leaf in carry], 1)


def state_size(carry: Carry) -> int:
    """n, numbers that a row carries.

    Raises:
        BadInput: if they are more than `MOST`.
    """
    size = sum(leaf[0].numel() for leaf in carry)
    if size > MOST:
        raise BadInput(f"a row carries {size} numbers, and matrices of more than {MOST} are not made here")
    return size
