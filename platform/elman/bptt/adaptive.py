"""Truncated back-propagation through time that chooses its length by the bias it estimates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from torch import Tensor

from elman.batch import SequenceBatch
from elman.bptt.bias import carry_gradients, relative_bias
from elman.bptt.buffered_window import BufferedWindow
from elman.bptt.strategy import BackpropThroughTime, Objective, Update
from elman.bptt.truncated import Truncated, TruncatedState
from elman.errors import BadInput
from elman.tree import Carry


class Adaptive(BackpropThroughTime):
    """`Truncated(k1=K, k2=2K-1)`, in which K is the shortest length whose estimated bias is below `delta`.

    Every `every` batches the loss at the batch's last step is taken back through the `stretch` steps before
    it, one by one. How its gradients by earlier carries fall off gives the relative bias of every K
    (`elman.bptt.bias`); where none is small enough, K is `most`. All ranks use the mean over all rows.
    Metrics: `bptt/k1`, the K in use; `bptt/relative_bias`, its estimate, where it is finite; `bptt/decay`,
    the factor by which gradients shrink from step to step.

    Args:
        delta: largest relative bias.
        k: the first K, in steps; the learning rate is meant for it.
        least: steps of the smallest K.
        most: steps of the largest K, at most `stretch`.
        stretch: steps that the estimate looks back; batches have to be as long.
        tau: step of the stretch from which gradients fall geometrically; null: 0.9 stretch.
        every: batches between two estimates.
        lr_power: updates of length K have a learning rate (K / k) ** lr_power times as large.

    Raises:
        ValueError: for a value out of range.
        BadInput: if the first estimate finds no row with a whole stretch up to a scored last step.

    Cost: (2K - 1) / K forward and backward passes, and a forward pass and `stretch` single steps for an
    estimate; activations of 2K - 1 steps, or of the stretch, alive at once.

    Source: Aicher, Foti and Fox (2019), arXiv 1905.07473; windows as their code has them ("original-buffer").
    Differs: an estimate is made between batches, on rows of the batch that follows, from the carry that
    training has there. Gradients by the carries stand for those by the parameters, as in their code.
    """

    exact = False
    only_adds = True
    continues = True

    def __init__(
        self,
        *,
        delta: float = 0.1,
        k: int = 10,
        least: int = 2,
        most: int = 100,
        stretch: int = 100,
        tau: int | None = None,
        every: int = 10,
        lr_power: float = 0.5,
    ) -> None:
        tau = 9 * stretch // 10 if tau is None else tau
        if not 0 < delta < float("inf"):
            raise ValueError(f"delta is a relative bias and must be positive, got delta={delta}")
        if not 1 <= least <= k <= most <= stretch:
            raise ValueError(
                f"lengths count steps and need 1 <= least <= k <= most <= stretch, got least={least}, k={k}, "
                f"most={most}, stretch={stretch}"
            )
        if not 1 <= tau < stretch:
            raise ValueError(f"tau is a step of the stretch and needs 1 <= tau < {stretch}, got tau={tau}")
        if every < 1:
            raise ValueError(f"every counts batches and must be at least 1, got every={every}")
        if not isfinite(lr_power):
            raise ValueError(f"lr_power must be a number, got lr_power={lr_power}")
        self.delta, self.k, self.least, self.most = delta, k, least, most
        self.stretch, self.tau, self.every, self.lr_power = stretch, tau, every, lr_power
        self._k, self._batches = k, 0
        self._found: dict[str, float] = {}

    @property
    def _cut(self) -> Truncated:
        return Truncated(k1=self._k, k2=2 * self._k - 1)

    def prepare(self, objective: Objective, batch: SequenceBatch, state: TruncatedState) -> None:
        due = self._batches % self.every == 0
        self._batches += 1
        if not due:
            return
        steps = BufferedWindow(state.past, batch)
        found = objective.agree(carry_gradients(objective, steps, state.kept, stretch=self.stretch))
        rows = float(found[0, 0])
        if not rows:
            if self._found:
                return
            raise BadInput(
                f"model.bptt: Adaptive found no row with {self.stretch} steps of one sequence before a"
                f" scored last step in batches of {batch.steps} steps; lower stretch or take longer batches"
            )
        if not bool(found.isfinite().all()):
            return
        bias = relative_bias(found[1:, 0] / rows, found[1:, 1:] / rows, tau=self.tau)
        enough = (bias.relative < self.delta).nonzero().flatten().tolist()
        self._k = min(max(enough[0] + 1 if enough else self.stretch, self.least), self.most)
        self._found = {"relative_bias": float(bias.relative[self._k - 1]), "decay": bias.decay}

    def first_state(self, carry: Carry) -> TruncatedState:
        return self._cut.first_state(carry)

    def losses(self, objective: Objective, batch: SequenceBatch, state: TruncatedState) -> Iterator[Update]:
        lr_scale = (self._k / self.k) ** self.lr_power
        for update in self._cut.losses(objective, batch, state):
            yield update._replace(lr_scale=lr_scale)

    def update_steps(self, steps: int) -> int:
        return self._k

    def updates_of_a_step(self) -> int:
        return self._cut.updates_of_a_step()

    def credit_matrix(self, steps: int) -> Tensor:
        return self._cut.credit_matrix(steps)

    def metrics(self) -> dict[str, float]:
        return {"k1": float(self._k), **{name: v for name, v in self._found.items() if isfinite(v)}}

    def state_dict(self) -> dict[str, Any]:
        return {"k": self._k, "batches": self._batches, "found": dict(self._found)}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        self._k, self._batches, self._found = saved["k"], saved["batches"], dict(saved["found"])
