"""Influence balancing: one parameter, whose influence is first positive and in the long run negative.

    s' = A s + theta v,   A_ii = A_i,i+1 = 1/2 (23 x 23),   v = 1 ten times, then -1 thirteen times
    loss (s_1 - 1)^2, where s_1 is the first component

A component reads the one behind it, so theta's negative influence meets s_1 late: cut after K steps,
ds_1/dtheta is positive up to K = 40 and negative from 41 on. Its limit is -6; theta = -1/6 makes the loss 0.

`python experiments/papers/influence_balancing/balancing.py` prints ds_1/dtheta by K.

Source: Tallec and Ollivier (2017), arXiv 1705.08209 (ARTBP); (2018), ICLR (UORO).
Differs: the loss is not halved, so learning rates are half of those that go with the half.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from datamodules.batches import Batches
from datamodules.sequence_data import Part, SequenceData, check_counts
from elman.batch import SequenceBatch, at_first_step
from elman.cores.core import Core
from elman.cores.traced import TracedLayer, TracedStep
from elman.diagnostics import Diagnostic
from elman.tree import Carry

POSITIVE, NEGATIVE = 10, 13
UNITS = POSITIVE + NEGATIVE
OPTIMUM = -1 / 6


class Chain(Core):
    """The system above; theta is all that is learned. Inputs are not read; the output is s_1.

    The carry is (s,), (B, 23, 1), 1 before the first step: a unit with 23 numbers of memory, as which its
    step is traced forward in time.

    Args:
        input_size: features of a step, none of which is read.
        start: first value of theta.
    """

    predicts = True

    def __init__(self, input_size: int, *, start: float = 0.5) -> None:
        super().__init__()
        self.input_size, self.output_size = input_size, 1
        self.theta = nn.Parameter(torch.tensor([start]))
        self.register_buffer("within", (torch.eye(UNITS) + torch.eye(UNITS).roll(1, 1).triu()) / 2)
        self.register_buffer("signs", torch.tensor([1.0] * POSITIVE + [-1.0] * NEGATIVE).unsqueeze(1))
        for name, shape in {"weight_hh": (1, 1), "weight_ih": (1, input_size), "bias_hh": (1,)}.items():
            self.register_buffer(name, torch.zeros(shape))
        self._unrolled: dict[tuple[int, torch.dtype], tuple[Tensor, ...]] = {}

    def forward(self, x: Tensor, carry: Carry, lengths: Tensor | None = None) -> tuple[Tensor, Carry]:
        if lengths is not None and bool((lengths < x.shape[1]).any()):
            raise ValueError("a Chain never ends: its rows have all steps")
        kind = x.shape[1], self.within.dtype
        if kind not in self._unrolled:
            self._unrolled[kind] = unrolled(x.shape[1], self.within, self.signs)
        shown, pushed, power, total = self._unrolled[kind]
        (s,) = carry
        return shown @ s + self.theta * pushed, (power @ s + self.theta * total,)

    def initial_carry(self, row_count: int) -> Carry:
        return (torch.ones_like(self.signs).expand(row_count, -1, -1).contiguous(),)

    def untraceable(self) -> str | None:
        return None

    @torch.no_grad()
    def traced_steps(self, x: Tensor, carry: Carry) -> tuple[Tensor, Carry, list[TracedStep]]:
        """As of a `Cell`. Of each step, s' by s is A, past any product, and s' by the bias, theta, is v."""
        out, after = self(x, carry)
        by_drive = self.signs.view(1, UNITS, 1, 1).expand(len(x), -1, -1, -1)
        one, nothing = x.new_ones(len(x), 1), torch.zeros_like(x[:, 0])  # no gate reads h or x
        layer = TracedLayer(
            read=torch.cat([torch.zeros_like(one), one, nothing, one], 1),
            by_product=torch.zeros_like(by_drive),
            by_drive=by_drive,
            own=self.within.view(1, UNITS, UNITS, 1).expand(len(x), -1, -1, -1),
            weights={
                "weight_hh": self.weight_hh,
                "bias_hh": self.bias_hh,
                "weight_ih": self.weight_ih,
                "bias_ih": self.theta,
            },
        )
        return out, after, [TracedStep([layer], residual=False)] * x.shape[1]


def unrolled(steps: int, within: Tensor, signs: Tensor) -> tuple[Tensor, ...]:
    """s_1 after t = 1 ... `steps` is shown[t] s + theta pushed[t], and s at the end power s + theta total.

    Returns:
        shown (steps, 23), pushed (steps, 1), power (23, 23), total (23, 1).
    """
    power, total = torch.eye(UNITS).to(within), torch.zeros_like(signs)
    shown, pushed = within.new_zeros(steps, UNITS), within.new_zeros(steps, 1)
    for t in range(steps):
        power, total = within @ power, within @ total + signs
        shown[t], pushed[t] = power[0], total[0]
    return shown, pushed, power, total


class Ones(SequenceData):
    """One row whose target is 1, due every `every` steps; x is 0.

    Args:
        every: steps from one scored step to the next.
        losses: scored steps of an epoch, which is one sequence.
        batches: batches of an epoch; it divides `losses`.
    """

    input_size, output_size, token_ids = 1, 1, False

    def __init__(self, *, every: int = 1, losses: int = 3000, batches: int = 30) -> None:
        super().__init__()
        check_counts(1, every=every, losses=losses, batches=batches)
        if losses % batches:
            raise ValueError(f"losses must be a multiple of batches={batches}, got losses={losses}")
        self.every, self.losses, self.batches = every, losses, batches
        self.steps_per_epoch = every * losses

    def setup(self, stage: str | None = None) -> None:
        """Nothing to do."""

    def loader(self, part: Part) -> Batches:
        if part != "train":  # long after the start, when only theta counts
            return Batches(lambda _: batch(500, every=500, is_first=True, is_last=True), length=1)
        steps, count = self.steps_per_epoch // self.batches, self.batches

        def of(index: int) -> SequenceBatch:
            place = index % count
            return batch(steps, every=self.every, is_first=place == 0, is_last=place == count - 1)

        return Batches(of)

    def description(self) -> dict[str, Any]:
        metadata = {"every": self.every, "losses": self.losses, "batches": self.batches}
        digest = hashlib.sha256(repr(metadata).encode()).hexdigest()[:32]
        return {"name": "ones", "source": "generated", "digest": digest, "metadata": metadata}


def batch(steps: int, *, every: int, is_first: bool, is_last: bool) -> SequenceBatch:
    """One row of targets of 1, the last of each `every` steps scored."""
    return SequenceBatch(
        x=torch.zeros(1, steps, 1),
        y=torch.ones(1, steps, 1),
        scored=((torch.arange(steps) + 1) % every == 0)[None],
        lengths=torch.tensor([steps]),
        begins=at_first_step(torch.tensor([is_first]), steps),
        is_last=is_last,
    )


class Theta(Diagnostic):
    """theta/value, and theta/distance from -1/6."""

    name = "theta"

    def measure(self, task: Any, data: Any) -> Mapping[str, float]:
        theta = float(task.network.core.theta)
        self.closing = f"theta {theta:.4f}, the optimum is {OPTIMUM:.4f}"
        return {"value": theta, "distance": abs(theta - OPTIMUM)}


def slopes(longest: int) -> Tensor:
    """(longest,), ds_1/dtheta through 1, 2, ... steps, float64: what a window of so many steps sees."""
    chain = Chain(1).double()
    return unrolled(longest, chain.within, chain.signs)[1].flatten()


if __name__ == "__main__":
    for window, slope in enumerate(slopes(100).tolist(), start=1):
        print(f"{window:4d} {slope:+9.4f}")
