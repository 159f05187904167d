"""Gradients through time by definition: one copy of the parameters for every step."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.func import functional_call

from elman.batch import SequenceBatch
from elman.bptt.loss import Loss, gradients_of
from elman.bptt.strategy import ReadoutGradient, gradient_of_readout
from elman.cores.resets import Resets
from elman.tree import where_rows


class Parameters(list):
    """What a strategy reads as a list, and a module's own code calls."""

    def __call__(self, recurse: bool = True) -> Iterator[nn.Parameter]:
        return iter(self)


class SquaredError(nn.Module):
    """The plainest objective: a core, a linear readout, squared errors summed over scored steps."""

    credit_decay = 1.0

    def __init__(self, core: nn.Module, outputs: int = 2) -> None:
        super().__init__()
        self.core, self.readout = core, nn.Linear(core.output_size, outputs)
        self.double()

    @property
    def parameters(self) -> Parameters:
        return Parameters(p for _, p in self.named_parameters())

    @property
    def after_core(self) -> list[nn.Parameter]:
        return list(self.readout.parameters())

    def agree(self, value: Tensor) -> Tensor:
        return value

    def begin(self, window: SequenceBatch, carry: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], Tensor]:
        first = self.core.initial_carry(len(window.x))
        return where_rows(window.is_first, first, carry), window.is_first

    def encode(self, window: SequenceBatch) -> Tensor:
        return window.x

    def readout_loss(self, out: Tensor, window: SequenceBatch) -> Tensor:
        errors = (self.readout(out) - window.y).square().sum(-1)
        return errors[window.scored].sum()

    def readout_gradient(self, out: Tensor, window: SequenceBatch) -> ReadoutGradient:
        return gradient_of_readout(self.readout_loss, self.after_core, out, window)

    def forward(self, window: SequenceBatch, carry: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        if window.steps == 0:
            return window.x.new_zeros(()), carry
        carry, _ = self.begin(window, carry)
        if window.begins_inside:
            resets = Resets(window.begins, self.core.initial_carry(len(window.x)))
            out, carry = self.core.forward_from(window.x, carry, window.lengths, resets)
        else:
            out, carry = self.core(window.x, carry, window.lengths)
        return self.readout_loss(out, window), carry


def pair_gradients(net: SquaredError, batch: SequenceBatch, restart_every: int | None = None) -> Tensor:
    """g[t, s] = dL_t / dtheta_s, (T, T, parameters), from T clones of the parameters.

    Args:
        restart_every: rows forget everything at multiples of it; None: never.
    """
    steps = batch.steps
    copies = [
        {n: p.detach().clone().requires_grad_() for n, p in net.named_parameters()} for _ in range(steps)
    ]
    carry, losses = net.core.initial_carry(len(batch.x)), []
    for s, theta in enumerate(copies):
        window = batch.window(s, s + 1)
        if restart_every and s % restart_every == 0:
            window = window.restarted()
        loss, carry = functional_call(net, theta, (window, carry))
        losses.append(loss)
    thetas = [list(theta.values()) for theta in copies]
    size = sum(p.numel() for p in thetas[0])
    g = torch.zeros(steps, steps, size, dtype=torch.float64)
    for t, loss in enumerate(losses):
        if not loss.requires_grad:
            continue
        for s in range(t + 1):
            grads = torch.autograd.grad(loss, thetas[s], retain_graph=True, allow_unused=True)
            g[t, s] = torch.cat(
                [
                    (torch.zeros_like(p) if d is None else d).flatten()
                    for p, d in zip(thetas[s], grads, strict=True)
                ]
            )
    return g


def flat_gradient(loss: Loss | None, net: nn.Module) -> Tensor:
    """The gradient of `loss` by all parameters, one vector; zeros where there is no loss."""
    params = list(net.parameters())
    grads = [torch.zeros_like(p) for p in params] if loss is None else gradients_of(loss, params)
    return torch.cat([gradient.flatten() for gradient in grads])


def update_gradients(bptt, net: SquaredError, batches: list[SequenceBatch]) -> list[Tensor]:
    """One gradient per update, weights frozen, the state handed from batch to batch."""
    state, grads = bptt.first_state(net.core.initial_carry(len(batches[0].x))), []
    for batch in batches:
        for update in bptt.losses(net, batch, state):
            state = update.state
            if update.loss is not None:
                grads.append(flat_gradient(update.loss, net))
    return grads
