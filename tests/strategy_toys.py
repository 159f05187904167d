"""Strategies from outside: one that leaves steps out, one with real-valued credit, one that draws."""

from __future__ import annotations

import torch

from elman.bptt import BackpropThroughTime, Carried, Truncated, Update, draws, update_of
from elman.tree import detached


class LastSteps(BackpropThroughTime):
    """With a state of its own: one update a batch, from the losses and the gradient of its last `k` steps."""

    exact, continues = False, True

    def __init__(self, *, k: int) -> None:
        self.k = k

    def first_state(self, carry):
        return (carry,)

    def losses(self, objective, batch, state):
        cut = max(0, batch.steps - self.k)
        with torch.no_grad():
            _, carry = objective(batch.window(0, cut), state[0])
        last = batch.window(cut, batch.steps)
        loss, carry = objective(last, detached(carry))
        scored = int(last.scored.sum())
        yield Update(loss if scored else None, scored, (detached(carry),))

    def update_steps(self, steps):
        return min(self.k, steps)

    def credit_matrix(self, steps):
        within = torch.arange(steps) >= steps - self.k
        return (within[:, None] & within).long().tril()


class Fading(BackpropThroughTime):
    """Credit that is a real number: each loss counts keep ** (steps until the batch ends)."""

    def __init__(self, *, keep: float) -> None:
        self.keep = keep

    def losses(self, objective, batch, state):
        carry, total = state.carry, 0.0
        for t in range(batch.steps):
            loss, carry = objective(batch.window(t, t + 1), carry)
            total = total + self.keep ** (batch.steps - 1 - t) * loss
        yield update_of(total, [batch], Carried(carry))

    def credit_matrix(self, steps):
        age = torch.arange(steps - 1, -1, -1, dtype=torch.float64)
        return (self.keep**age)[:, None] * torch.ones(steps, steps, dtype=torch.float64).tril()


class RandomReach(BackpropThroughTime):
    """Windows that are drawn: every batch is cut by `Truncated(k1, k2)`, k2 uniform."""

    def __init__(self, *, k1: int, longest: int, seed: int = 1) -> None:
        self.k1, self.longest, self.seed = k1, longest, seed
        self.begin(0)

    def begin(self, batch):
        self._drawn = Truncated(k1=self.k1, k2=draws(self.seed, batch).randint(self.k1, self.longest))

    def first_state(self, carry):
        return self._drawn.first_state(carry)

    def losses(self, objective, batch, state):
        return self._drawn.losses(objective, batch, state)

    def update_steps(self, steps):
        return self.k1

    def credit_matrix(self, steps):
        each = [Truncated(k1=self.k1, k2=k2) for k2 in range(self.k1, self.longest + 1)]
        return torch.stack([bptt.credit_matrix(steps).double() for bptt in each]).mean(0)

    def drawn_credit(self, steps):
        return self._drawn.credit_matrix(steps)
