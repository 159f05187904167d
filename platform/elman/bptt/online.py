"""Credit that travels forward in time: traces of how the carry came to depend on the weights."""

from __future__ import annotations

import itertools
import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from elman.batch import SequenceBatch
from elman.bptt.loss import LossByHand, Ready
from elman.bptt.strategy import (
    BackpropThroughTime,
    Objective,
    ReadoutGradient,
    Update,
    scored_steps,
    weight_of,
)
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
            dout: what the step is `told`.
        """

    def told(self, behind: ReadoutGradient, number: int) -> Tensor:
        """What `gradients` hears of the loss of step `number`: (B, H), its gradient by the core's output."""
        return behind.by_out[:, number]

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
            scored, weight = scored_steps([window]), weight_of([window])
            yield Update(loss, scored, state, closes=not waiting, weight=weight)

    def _run(
        self, objective: Objective, window: SequenceBatch, state: OnlineState
    ) -> tuple[LossByHand | None, Carry, Traces]:
        """The loss of a window with its gradient, None where nothing is scored; carry and traces after it."""
        learns, behind = torch.is_grad_enabled() and window.scored_count > 0, None
        with torch.no_grad():
            out, carry, steps = _run_forward(objective, window, state.carry)
        if learns:
            behind = objective.readout_gradient(out, window)
        with torch.no_grad():
            traces, totals = self._traced(window, steps, state.traces, behind, objective.credit_decay)
            if behind is None:
                return None, carry, traces
            if not all(math.isfinite(float(total.sum())) for total in totals):
                finite = finite_rows(traces)
                traces = traces if finite is None else _forgotten(~finite, traces)
            learned = list(behind.learned)
            for layer, total in zip(steps[-1].traced.layers, totals, strict=True):
                learned += [(layer.weights[name], value) for name, value in layer.split(total).items()]
        return LossByHand(behind.loss, [Ready(learned)]), carry, traces

    def _traced(
        self,
        window: SequenceBatch,
        steps: Sequence[_Step],
        traces: Traces,
        behind: ReadoutGradient | None,
        decay: float,
    ) -> tuple[Traces, list[Tensor]]:
        """The traces after a window, and what they give for every layer's weights; no `behind`: nothing."""
        totals: list[Tensor] = []
        traces = traces or self._zeros(steps[0].traced, window.x.shape[0])
        for number, (step, begins, exist) in enumerate(steps):
            if begins is not None:
                traces = _forgotten(begins, traces)
            faded = traces if decay == 1 else _faded(traces, decay, len(step.layers))
            after = self.advance(step, faded)
            traces = after if exist is None else where_rows(exist, after, traces)
            if window.warm is not None:  # the carry after these steps is taken as given
                traces = _forgotten(window.warm > number, traces)
            if behind is not None and (window.all_scored or bool(window.scored[:, number].any())):
                found = self.gradients(step, traces, self.told(behind, number))
                totals = [a + b for a, b in zip(totals, found, strict=True)] if totals else found
        return traces, totals

    def _zeros(self, step: TracedStep, row_count: int) -> Traces:
        """Traces of rows that begin.

        Raises:
            BadInput: if they are larger than `most_mib`.
        """
        like, shapes = step.layers[0].read, self.shapes(step)
        mib = sum(map(math.prod, shapes)) * row_count * like.element_size() / 2**20
        if mib > self.most_mib:
            raise BadInput(
                f"{type(self).__name__} keeps traces of {mib:,.0f} MiB for {row_count} rows, more than "
                f"most_mib={self.most_mib:g} allows; lower batch_size or hidden_size, or raise most_mib"
            )
        return tuple(like.new_zeros(row_count, *shape) for shape in shapes)

    def update_steps(self, steps: int) -> int:
        return self.k1


class _Step(NamedTuple):
    """A step of a window.

    Args:
        traced: its derivatives.
        begins: (B,) bool, the rows that begin at it; None: none does.
        exist: (B,) bool, the rows that have it; None: all do.
    """

    traced: TracedStep
    begins: Tensor | None
    exist: Tensor | None


def _run_forward(
    objective: Objective, window: SequenceBatch, carry: Carry
) -> tuple[Tensor, Carry, list[_Step]]:
    """The core's outputs, (B, T, H), the carry after the window, and its steps."""
    x = objective.encode(window)
    outs, steps = [], []
    for start, stop in _stretches(window):
        before, begun = objective.begin(window.window(start, stop), carry)
        out, carry, traced = objective.core.traced_steps(x[:, start:stop], before)
        rows = None if window.complete else window.lengths > start
        if rows is not None and bool(rows.all()):
            rows = None
        if rows is not None:
            out = out * rows.to(out.device)[:, None, None]
            carry = where_rows(rows, carry, before)
        steps += [_Step(step, None if number else begun, rows) for number, step in enumerate(traced)]
        outs.append(out)
    return outs[0] if len(outs) == 1 else torch.cat(outs, 1), carry, steps


def _stretches(window: SequenceBatch) -> list[tuple[int, int]]:
    """The fewest stretches in whose inside no row begins or ends."""
    if window.steps == 1:
        return [(0, 1)]
    ends = {int(length) for length in window.lengths.unique()}
    ends |= set(window.begins[:, 1:].any(0).nonzero().squeeze(1).add(1).tolist())
    cuts = sorted({0, window.steps} | {end for end in ends if 0 < end < window.steps})
    return list(itertools.pairwise(cuts))


def _forgotten(rows: Tensor, traces: Traces) -> Traces:
    """Traces that are zero in `rows` (B,) bool."""
    return where_rows(rows, tuple(map(torch.zeros_like, traces)), traces) if bool(rows.any()) else traces


def _faded(traces: Traces, decay: float, layers: int) -> Traces:
    """Traces of which those of `layers` layers, the first ones, are multiplied by `decay`."""
    return (*(decay * trace for trace in traces[:layers]), *traces[layers:])


def signs(like: Tensor) -> Tensor:
    """1 or -1 with equal chances, shaped as `like`, from torch's generator."""
    drawn = torch.randint(0, 2, like.shape, dtype=like.dtype, device=like.device)
    return torch.rsub(drawn, 1, alpha=2)
