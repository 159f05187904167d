"""Credit that travels forward in time: traces of how the carry came to depend on the weights."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from elman.batch import SequenceBatch
from elman.bptt.strategy import BackpropThroughTime, Objective, Update, scored_steps
from elman.cores.core import Core
from elman.cores.traced import TracedStep
from elman.errors import BadInput
from elman.tree import Carry, finite_rows, where_rows

Traces = tuple[Tensor, ...]
"""(B, ...) each: of every row, what of the past the gradient needs."""


class OnlineState(NamedTuple):
    """Where the next step starts.

    Args:
        carry: of the core.
        traces: empty before the first step.
        waiting: steps since the last update.
    """

    carry: Carry
    traces: Traces = ()
    waiting: int = 0


class Online(BackpropThroughTime):
    """A gradient made on the way forward: at every step traces take in the step and meet its loss.

    Nothing of the past is kept but the traces, so memory does not depend on the length of a sequence, and
    an update may follow every step. Traces are zero where a sequence begins and stay where a row has no
    step. After an update they are those of weights that have changed a little since.

    A subclass says what the traces of a row are, how a step changes them, and what gradient they give. The
    first of them, one for every layer, are what fades with decay of credit: it multiplies them before a step.

    Args:
        k1: steps from one update to the next, also over batch borders; the gradients of their losses add up.
        most_mib: largest size of the traces of all rows together, in MiB.

    Raises:
        ValueError: if one of the two is not positive.
    """

    exact = False
    continues = True
    traces = True

    def __init__(self, *, k1: int = 1, most_mib: float = 1024.0) -> None:
        if k1 < 1:
            raise ValueError(f"k1 counts steps and must be at least 1, got k1={k1}")
        if not most_mib > 0:
            raise ValueError(f"most_mib is a size and must be positive, got most_mib={most_mib}")
        self.k1, self.most_mib = k1, most_mib

    def refusal(self, core: Core) -> str | None:
        why = core.untraceable() or self.refuses(core)
        return why and f"{type(self).__name__} cannot train this core: {why}"

    def refuses(self, core: Core) -> str | None:
        """What else a core must be, beyond one whose step has derivatives; None: nothing is missing."""
        return None

    @abstractmethod
    def shapes(self, step: TracedStep) -> Sequence[tuple[int, ...]]:
        """The shapes of a row's traces, for a core of such steps."""

    @abstractmethod
    def advance(self, step: TracedStep, traces: Traces) -> Traces:
        """The traces after a step."""

    @abstractmethod
    def gradients(self, step: TracedStep, traces: Traces, dout: Tensor) -> list[Tensor]:
        """The gradient of every layer's weights, summed over rows, (G, H, K) each as of `TracedLayer`.

        Args:
            traces: after the step.
            dout: (B, H), of the step's loss by the core's output.
        """

    def first_state(self, carry: Carry) -> OnlineState:
        return OnlineState(carry)

    def losses(self, objective: Objective, batch: SequenceBatch, state: OnlineState) -> Iterator[Update]:
        if why := self.refusal(objective.core):
            raise BadInput(why)
        start = 0
        while start < batch.steps:
            stop = min(start + self.k1 - state.waiting, batch.steps)
            window = batch.window(start, stop)
            loss, carry, traces = self._run(objective, window, state)
            waiting = (state.waiting + stop - start) % self.k1
            if batch.is_last and stop == batch.steps:
                waiting = 0
            state, start = OnlineState(carry, traces, waiting), stop
            yield Update(loss, scored_steps([window]), state, closes=not waiting)

    def _run(
        self, objective: Objective, window: SequenceBatch, state: OnlineState
    ) -> tuple[Tensor | None, Carry, Traces]:
        """The loss of a window with its gradient, None where nothing is scored; carry and traces after it."""
        carry, traces = state.carry, state.traces
        begun, outs, steps = [], [], []
        with torch.no_grad():
            x = objective.encode(window)
            for number in range(window.steps):
                before, begins = objective.begin(window.window(number, number + 1), carry)
                out, carry, step = objective.core.traced_step(x[:, number], before)
                exist = window.lengths > number
                if not bool(exist.all()):
                    out = out * exist.to(out.device)[:, None]
                    carry = where_rows(exist, carry, before)
                begun.append(begins)
                outs.append(out)
                steps.append(step)
        out = outs[0].unsqueeze(1) if len(outs) == 1 else torch.stack(outs, 1)
        loss, douts, after_core = self._readout(objective, out, window)
        totals: list[Tensor] = []
        decay = objective.credit_decay
        with torch.no_grad():
            traces = traces or self._zeros(steps[0], len(window.x))
            for number, step in enumerate(steps):
                traces = _forgotten(begun[number], traces)
                faded = traces if decay == 1 else _faded(traces, decay, len(step.layers))
                after, exist = self.advance(step, faded), window.lengths > number
                traces = after if bool(exist.all()) else where_rows(exist, after, traces)
                if window.warm is not None:  # the carry after these steps is taken as given
                    traces = _forgotten(window.warm > number, traces)
                if loss is not None and bool(window.scored[:, number].any()):
                    found = self.gradients(step, traces, douts[:, number])
                    totals = [a + b for a, b in zip(totals, found, strict=True)] if totals else found
            if loss is None:
                return None, carry, traces
            if not all(math.isfinite(float(total.sum())) for total in totals):
                finite = finite_rows(traces)
                traces = traces if finite is None else _forgotten(~finite, traces)
            for layer, total in zip(steps[-1].layers, totals, strict=True):
                after_core += [(layer.weights[name], value) for name, value in layer.split(total).items()]
        ready = [(weight, value) for weight, value in after_core if weight.requires_grad]
        weights, values = zip(*ready, strict=True)
        return _Ready.apply(loss, values, *weights), carry, traces

    def _readout(
        self, objective: Objective, out: Tensor, window: SequenceBatch
    ) -> tuple[Tensor | None, Tensor, list[tuple[Tensor, Tensor]]]:
        """The loss, its gradient by the core's outputs, (B, T, H), and by what is learned behind the core."""
        if not scored_steps([window]):
            return None, out, []
        if not torch.is_grad_enabled():
            return None, out, []
        out.requires_grad_()
        loss, behind = objective.readout_loss(out, window), list(objective.after_core)
        douts, *values = torch.autograd.grad(loss, [out, *behind], allow_unused=True, materialize_grads=True)
        return loss.detach(), douts, list(zip(behind, values, strict=True))

    def _zeros(self, step: TracedStep, row_count: int) -> Traces:
        """Traces of rows that begin.

        Raises:
            BadInput: if they are larger than `most_mib`.
        """
        like, shapes = step.layers[0].h, self.shapes(step)
        mib = sum(map(math.prod, shapes)) * row_count * like.element_size() / 2**20
        if mib > self.most_mib:
            raise BadInput(
                f"{type(self).__name__} keeps traces of {mib:,.0f} MiB for {row_count} rows, more than "
                f"most_mib={self.most_mib:g} allows; lower batch_size or hidden_size, or raise most_mib"
            )
        return tuple(like.new_zeros(row_count, *shape) for shape in shapes)

    def update_steps(self, steps: int) -> int:
        return self.k1


class _Ready(torch.autograd.Function):
    """A loss whose gradients are known: autograd hands them to the weights."""

    @staticmethod
    def forward(ctx: Any, loss: Tensor, values: Sequence[Tensor], *weights: Tensor) -> Tensor:
        ctx.values = values
        return loss.clone()

    @staticmethod
    def backward(ctx: Any, dloss: Tensor) -> tuple[Tensor | None, ...]:
        return None, None, *(dloss.to(value.dtype) * value for value in ctx.values)


def _forgotten(rows: Tensor, traces: Traces) -> Traces:
    """Traces that are zero in `rows` (B,) bool."""
    return where_rows(rows, tuple(map(torch.zeros_like, traces)), traces) if bool(rows.any()) else traces


def _faded(traces: Traces, decay: float, layers: int) -> Traces:
    """Traces of which those of `layers` layers, the first ones, are multiplied by `decay`."""
    return (*(decay * trace for trace in traces[:layers]), *traces[layers:])


def signs(like: Tensor) -> Tensor:
    """1 or -1 with equal chances, shaped as `like`, from torch's generator."""
    return torch.randint(0, 2, like.shape, device=like.device).to(like.dtype).mul_(2).sub_(1)
