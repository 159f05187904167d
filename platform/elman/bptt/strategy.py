"""The contract of a strategy: how far gradients travel back through time, and how often weights move."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from elman.batch import SequenceBatch
from elman.bptt.loss import Loss
from elman.cores.core import Core
from elman.tree import Carry, detached

State = Any
"""A (named) tuple of tensors, rows first. Its first part is the carry to go on from; the rest is opaque.

A checkpoint holds it as plain values. Tensors come back on the device that trains, but for `scored`,
`lengths`, `begins` and `warm` of a `SequenceBatch` in it.
"""


class ReadoutGradient(NamedTuple):
    """The loss of a window with its gradient by all that comes after the core.

    Args:
        loss: detached.
        by_out: (B, T, H), by the core's outputs.
        learned: what is learned there, each with its gradient.
        errors: (B, T, O), by the outputs of the readout; None: they are not known apart.
    """

    loss: Tensor
    by_out: Tensor
    learned: list[tuple[Tensor, Tensor]]
    errors: Tensor | None = None


class Objective(Protocol):
    """What a strategy may call: the loss of some steps, without knowing model or trainer.

    Calling it is to `begin`, `encode`, run `core` and take the `readout_loss`; a strategy that follows the
    carry itself calls these parts.
    """

    @property
    def core(self) -> Any:
        """The recurrent network, a `Core`."""

    @property
    def after_core(self) -> Sequence[nn.Parameter]:
        """What is learned behind the core."""

    @property
    def parameters(self) -> Sequence[nn.Parameter]:
        """All that is learned."""

    @property
    def credit_decay(self) -> float:
        """Factor on credit for every step that it crosses: applied on the way back where this is called, and
        left to a strategy that traces the carry itself."""

    def __call__(self, window: SequenceBatch, carry: Carry) -> tuple[Any, Carry]:
        """Loss summed over the scored steps of `window`, and the carry after it.

        The loss is a tensor, or, for a strategy that `only_adds`, a `Loss` that goes backward without
        autograd. Where a sequence begins, its row ignores the carry and starts anew. A window of no steps
        gives zero and the carry it was given.
        """

    def begin(self, window: SequenceBatch, carry: Carry) -> tuple[Carry, Tensor | None]:
        """The carry that `window` starts with; (B,) bool on the host, which rows start anew, None: none."""

    def encode(self, window: SequenceBatch) -> Tensor:
        """What the core reads, (B, T, core.input_size)."""

    def readout_loss(self, out: Tensor, window: SequenceBatch) -> Tensor:
        """Loss summed over the scored steps, of the core's outputs, (B, T, core.output_size)."""

    def readout_gradient(self, out: Tensor, window: SequenceBatch) -> ReadoutGradient:
        """`readout_loss` and its gradient."""

    def agree(self, value: Tensor) -> Tensor:
        """The mean of `value` over all ranks."""


class Update(NamedTuple):
    """One window's share of the gradient.

    Args:
        loss: of the window's scored steps, summed, as the objective gave it: a tensor, or another `Loss`;
            None where nothing is scored.
        scored: what that sum covers, as `scored_steps` counts it: steps of all rows, or sequences.
        state: detached, what the strategy needs to go on after this window.
        closes: whether the optimiser steps after this gradient; False only adds to it.
        lr_scale: factor on the learning rate of this update alone.
        weight: what the weights of its steps add up to, of `weight_of`; None: each counts once.
    """

    loss: Any
    scored: int
    state: State
    closes: bool = True
    lr_scale: float = 1.0
    weight: float | None = None


class Carried(NamedTuple):
    """The state of a strategy that goes on from the core's carry alone."""

    carry: Carry


def scored_steps(pieces: Sequence[SequenceBatch]) -> int:
    """How many steps of a window's rows count in the loss; where they have weights, how many sequences.

    Args:
        pieces: all of the window, which meet.
    """
    if not pieces or pieces[0].weights is None:
        return sum(piece.scored_count for piece in pieces)
    begun = torch.cat([piece.begins for piece in pieces], 1).cumsum(1)  # the sequence of each step
    row, step = torch.cat([piece.scored for piece in pieces], 1).nonzero(as_tuple=True)
    return len((row * (begun.shape[1] + 1) + begun[row, step]).unique())


def weight_of(pieces: Sequence[SequenceBatch]) -> float | None:
    """What the weights of the scored steps add up to; None: they have none."""
    if not pieces or pieces[0].weights is None:
        return None
    return sum(float(piece.weights[piece.scored].sum()) for piece in pieces if piece.weights is not None)


def update_of(loss: Loss | None, pieces: Sequence[SequenceBatch], state: State) -> Update:
    """The update of a window that ran as `pieces`: their scored steps, no loss where there are none."""
    scored = scored_steps(pieces)
    return Update(loss if scored else None, scored, detached(state), weight=weight_of(pieces))


def gradient_of_readout(
    loss: Callable[[Tensor, SequenceBatch], Tensor],
    behind: Sequence[nn.Parameter],
    out: Tensor,
    window: SequenceBatch,
) -> ReadoutGradient:
    """An objective's `readout_gradient` by autograd.

    Args:
        loss: its `readout_loss`.
        behind: its `after_core`.
    """
    out = out.detach().requires_grad_()
    total = loss(out, window)
    found = torch.autograd.grad(total, [out, *behind], allow_unused=True, materialize_grads=True)
    return ReadoutGradient(total.detach(), found[0], list(zip(behind, found[1:], strict=True)))


class NoCreditMatrix(ValueError):  # noqa: N818  (it is a fact, not an error)
    """The gradient is no sum of credited pairs; the message says what it is."""


class BackpropThroughTime(ABC):
    """How far gradients travel back through time, and how often weights are updated.

    A strategy cuts a batch into windows, calls the objective on each and yields one `Update` for
    every window, scored or not. It knows neither model, loss nor trainer. It writes `losses` and
    `credit_matrix`, and of the rest what differs from here.

    A strategy may draw its windows at random. Then it promises:

    - All ranks draw alike, and a run that goes on from a checkpoint draws what it would have drawn. So it
      draws in `begin` alone, from `draws(seed, batch)`: its own seed and the number of batches begun.
    - `credit_matrix` is the expected credit, a real number for every pair of steps; `drawn_credit` is the
      credit of the draw in hand. The tests hold the gradient of single draws to the one, and the mean over
      many draws to the other.
    - `update_steps` need not be exact: an expectation will do.
    """

    exact: ClassVar[bool] = False
    """True promises the gradient of the whole sequence, within one batch."""

    continues: ClassVar[bool] = True
    """True if a window starts from the carry another window ended with."""

    restarts: ClassVar[bool] = False
    """True if every window begins as a sequence of its own, so that no carry reaches it."""

    needs: ClassVar[frozenset[str]] = frozenset()
    """What `objective.core` must offer beyond the contract of a core, for instance {"step"}."""

    only_adds: ClassVar[bool] = False
    """True promises that it does no more with losses than add them up, and with carries than pass them on
    or cut them by `detached`: then windows may do without autograd."""

    traces: ClassVar[bool] = False
    """True for credit that is traced forward in time: it reaches the core and what is behind it, nothing
    before it."""

    credit_holds: ClassVar[str] = "always"
    """When the gradient is the sum that `credit_matrix` says; else for instance "in expectation", "never"."""

    @property
    def scales_lr(self) -> bool:
        """Whether `lr_scale` makes up for unlike windows; the loss of each then has to be a mean."""
        return False

    def refusal(self, core: Core) -> str | None:
        """Why it cannot train this core, and what to do; None: it can."""
        return None

    def begin(self, batch: int) -> None:  # noqa: B027  (most draw nothing)
        """Draw how training batch number `batch`, from 0, is cut; all ranks call it before `update_steps`."""

    def prepare(self, objective: Objective, batch: SequenceBatch, state: State) -> None:  # noqa: B027
        """Look at a training batch and the state before it, to choose how it is cut; after `begin`, before
        `update_steps`. All ranks call it for every batch, so it calls `objective.agree` as often on each of
        them, whatever their rows; it draws no random numbers that training would miss.
        """

    def first_state(self, carry: Carry) -> State:
        """The state before the first batch, from the carry rows start with."""
        return Carried(carry)

    @abstractmethod
    def losses(self, objective: Objective, batch: SequenceBatch, state: State) -> Iterator[Update]:
        """Yield the windows of `batch` in order; the last one holds the state to go on with.

        The caller may change the weights between two updates, and takes each gradient before it asks
        for the next one.
        """

    def update_steps(self, steps: int) -> int:
        """Steps of a row that a full update scores, in a batch of `steps`; asked for before its `losses`."""
        return steps

    def stride(self, steps: int) -> int:
        """Steps of a row from one window's end to the next one's; an average will do."""
        return self.update_steps(steps)

    def updates_of_a_step(self) -> int:
        """Most updates whose windows one step lies in, scored or looked back to."""
        return 1

    @abstractmethod
    def credit_matrix(self, steps: int) -> Tensor:
        """(steps, steps): C[t, s] says how often the loss at step t is charged to step s.

        Whole numbers, or real ones where credit is weighted or drawn. With theta_s the parameters as used
        at step s, the gradient a strategy takes from a sequence is the sum over t and s of
        C[t, s] dL_t/dtheta_s, in expectation where it draws. `tests/bptt` holds every strategy to it. In a
        row in which sequences begin, `within_sequences` of it counts: gradients do not cross a beginning.

        Raises:
            NoCreditMatrix: if no such numbers exist.
        """

    def row_credit(self, begins: Tensor) -> Tensor:
        """`credit_matrix` of a row in which sequences begin where `begins` (T,) bool says."""
        return within_sequences(self.credit_matrix(len(begins)), begins)

    def drawn_credit(self, steps: int) -> Tensor:
        """`credit_matrix` of what `begin` drew last; the same matrix where nothing is drawn."""
        return self.credit_matrix(steps)

    def metrics(self) -> Mapping[str, float]:
        """What each report of training logs as `bptt/NAME`; where it sums up, `state_dict` has the sums."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint must hold beyond the per-row state (a chosen k, a count); draws need nothing."""
        return {}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:  # noqa: B027  (most keep nothing)
        """Take back what `state_dict` gave."""


def within_sequences(credit: Tensor, begins: Tensor) -> Tensor:
    """The credit of a row in which sequences begin: no loss is charged to a step before its own sequence.

    Args:
        credit: (T, T), a strategy's matrix.
        begins: (T,) bool, the row's steps at which a sequence begins.
    """
    sequence = begins.cumsum(0)
    return credit * (sequence[:, None] == sequence[None, :])


def decayed(credit: Tensor, decay: float) -> Tensor:
    """The credit of a row where `decay` is lost at every step back: decay^(t - s) C[t, s].

    Args:
        credit: (T, T), a strategy's matrix.
        decay: in (0, 1]; 1 changes nothing.
    """
    if decay == 1:
        return credit
    steps = torch.arange(len(credit), dtype=torch.float64)
    return credit * decay ** (steps[:, None] - steps).clamp(min=0)


def after_burn_in(credit: Tensor, burn_in: int) -> Tensor:
    """The credit of a row that begins with `burn_in` steps that only warm its carry.

    None of them has a loss, and none is charged with one.

    Args:
        credit: (T, T), of the row without them.
    """
    counts = torch.arange(len(credit)) >= burn_in
    return credit * (counts[:, None] & counts)


def draws(seed: int, batch: int) -> random.Random:
    """The random numbers of training batch number `batch`: the same on every rank and after a resume."""
    return random.Random(f"{seed}/{batch}")
