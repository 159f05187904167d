"""The loss of a long batch as one node of the graph, whose backward pass runs its windows again."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from elman.batch import SequenceBatch
from elman.bptt.revolve import advance
from elman.bptt.strategy import Objective
from elman.tree import Carry, detached, tree_map


class Kept(NamedTuple):
    """The carry before window `number`, and the random generators there."""

    number: int
    carry: Carry
    random: tuple[Tensor, ...]


class Tape(NamedTuple):
    """A window that ran with its activations kept."""

    x: Tensor
    carry: Carry
    loss: Tensor
    after: Carry


def recomputed_loss(
    objective: Objective, batch: SequenceBatch, carry: Carry, *, window: int, slots: int
) -> tuple[Tensor, Carry]:
    """The summed loss of a batch, and the carry after it; only some carries are kept for the backward pass.

    The gradient reaches `objective.parameters` and `batch.x`.

    Args:
        window: steps that are run, and later taped, at once.
        slots: carries that are kept at most, the one before the first window included.
    """
    work = _Work(objective, batch, carry, window=window, slots=slots)
    loss = _Recomputed.apply(work, batch.x, *objective.parameters)
    return loss, work.last


def copied(carry: Carry) -> Carry:
    """A carry without the larger tensors that it may be a view of."""
    return tree_map(lambda leaf: leaf.detach().clone(), carry)


class _Work:
    """The windows of one batch, run from the last to the first."""

    def __init__(
        self, objective: Objective, batch: SequenceBatch, carry: Carry, *, window: int, slots: int
    ) -> None:
        self.objective, self.batch, self.window, self.slots = objective, batch, window, slots
        self.ends = -(-batch.steps // window)  # windows that are still to be taped
        self.device = batch.x.device
        self.kept = [Kept(0, copied(carry), self.random())]
        self.total: Tensor | None = None  # the loss, while the windows run for the first time
        self.last: Carry = carry
        kind = self.device.type
        self.autocast = {
            "device_type": kind,
            "enabled": torch.is_autocast_enabled(kind),
            "dtype": torch.get_autocast_dtype(kind),
            "cache_enabled": False,
        }
        self.tape: Tape | None = None

    def random(self) -> tuple[Tensor, ...]:
        """The state of the generators that a window may draw from."""
        states = [torch.get_rng_state()]
        if self.device.type == "cuda":
            states.append(torch.cuda.get_rng_state(self.device))
        return tuple(states)

    def set_random(self, states: tuple[Tensor, ...]) -> None:
        torch.set_rng_state(states[0])
        if len(states) > 1:
            torch.cuda.set_rng_state(states[1], self.device)

    def piece(self, number: int) -> SequenceBatch:
        return self.batch.window(number * self.window, min((number + 1) * self.window, self.batch.steps))

    def tape_last(self, *, first_time: bool = False) -> Tape:
        """Tape the last window that is left, from the kept carry before it, with new ones kept on the way."""
        while True:
            at, carry, random = self.kept[-1]
            free, ahead = self.slots - len(self.kept) + 1, self.ends - at
            if not first_time:
                self.set_random(random)
            if ahead > 1:
                stop = at + advance(ahead, free)
                for number in range(at, stop):
                    with torch.no_grad():
                        loss, carry = self.objective(self.piece(number), carry)
                    if first_time:
                        self.total = loss if self.total is None else self.total + loss
                if free > 1:
                    self.kept.append(Kept(stop, copied(carry), self.random()))
                    continue
            else:
                self.kept.pop()
            self.ends -= 1
            return self._taped(self.piece(self.ends), carry)

    def _taped(self, piece: SequenceBatch, carry: Carry) -> Tape:
        leaves = tuple(leaf.detach().requires_grad_(leaf.is_floating_point()) for leaf in carry)
        x = piece.x.detach().requires_grad_(self.batch.x.requires_grad)
        with torch.enable_grad():
            loss, after = self.objective(piece._replace(x=x), leaves)
        return Tape(x, leaves, loss, after)


class _Recomputed(torch.autograd.Function):
    """Inputs: the work, x, all parameters. Output: the loss."""

    @staticmethod
    def forward(ctx: Any, work: _Work, x: Tensor, *parameters: Tensor) -> Tensor:
        ctx.work, ctx.parameters = work, parameters
        work.tape = work.tape_last(first_time=True)
        work.last = detached(work.tape.after)
        loss = work.tape.loss.detach()
        return loss.clone() if work.total is None else work.total + loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Any) -> Any:
        work, parameters = ctx.work, [p for p in ctx.parameters if p.requires_grad]
        tape, work.tape = work.tape, None
        if tape is None:
            raise RuntimeError("Trying to backward through the graph a second time")
        sums: list[Tensor | None] = [None] * len(parameters)
        pieces_of_x: list[Tensor] = []
        from_after: tuple[Tensor | None, ...] = tuple(None for _ in tape.carry)
        before = work.random()
        with torch.autocast(**work.autocast):
            while True:
                found, from_after, of_x = _pull(tape, grads[0], from_after, parameters)
                for i, grad in enumerate(found):
                    if grad is not None:  # which two biases that are added may share
                        sums[i] = grad.clone() if sums[i] is None else sums[i].add_(grad)  # type: ignore[union-attr]
                if work.batch.x.requires_grad:
                    pieces_of_x.append(torch.zeros_like(tape.x) if of_x is None else of_x)
                if not work.ends:
                    break
                del tape, found
                tape = work.tape_last()
        work.set_random(before)
        of_parameters = iter(sums)
        return (
            None,
            torch.cat(pieces_of_x[::-1], 1) if pieces_of_x else None,
            *(next(of_parameters) if p.requires_grad else None for p in ctx.parameters),
        )


def _pull(
    tape: Tape, from_loss: Tensor, from_after: tuple[Tensor | None, ...], parameters: list[Tensor]
) -> tuple[list[Tensor | None], tuple[Tensor | None, ...], Tensor | None]:
    """The gradients of a window's parameters, of the carry before it and of its x."""
    outputs = [(tape.loss, from_loss), *zip(tape.after, from_after, strict=True)]
    used = [(out, grad) for out, grad in outputs if grad is not None and out.requires_grad]
    inputs = [*parameters, *(leaf for leaf in (*tape.carry, tape.x) if leaf.requires_grad)]
    found = iter(
        torch.autograd.grad([o for o, _ in used], inputs, [g for _, g in used], allow_unused=True)
        if used
        else [None] * len(inputs)
    )
    of_parameters = [next(found) for _ in parameters]
    of_carry = tuple(next(found) if leaf.requires_grad else None for leaf in tape.carry)
    return of_parameters, of_carry, next(found, None)
