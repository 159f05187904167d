"""The strategy's state between the batches of training: begun, restarted where it broke, saved."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from elman.batch import SequenceBatch
from elman.bptt import BackpropThroughTime
from elman.cores.noise import noisy
from elman.tasks.burn_in import BurnIn
from elman.tasks.network import Network
from elman.tasks.replication import Replication
from elman.tasks.row_keys import RowKeys
from elman.tasks.saved_state import restored_state, saved_state
from elman.tree import finite_rows, zeroed_where_not_finite


class TrainState:
    """Owns the state of training. It crosses batches where rows continue, and is part of a checkpoint.

    Args:
        bptt: the strategy.
        network: whose core's carry the state begins with.
        burn_in: as of `BurnIn`.
        replication: as of `Replication`.

    `value` is None where nothing goes on; `restarted_rows` counts rows that were not finite, `batches` the
    batches begun.
    """

    def __init__(
        self, bptt: BackpropThroughTime, network: Network, *, burn_in: int, replication: float
    ) -> None:
        self.bptt, self.core = bptt, network.core
        self.burn_in = BurnIn(burn_in, network=network, bptt=bptt)
        self.replication = Replication(replication)
        self.keys = RowKeys(wanted=bool(noisy(network.core)))
        self.value: Any = None
        self.restarted_rows = self.batches = 0
        self._restart: Tensor | None = None  # rows whose state was not finite

    def refuse(self, first: SequenceBatch) -> None:
        """Raise BadInput if the first batch of training is not what an option needs."""
        self.burn_in.refuse(first)
        self.replication.of(self.burn_in.marked(first.restarted()), where="the first training batch")

    def begin(self, batch: SequenceBatch) -> SequenceBatch:
        """`batch`, warm steps and targets marked, with a state to go on from; without one, all rows begin."""
        self.bptt.begin(self.batches)
        self.batches += 1
        if self.value is None:
            self.value = self.bptt.first_state(self.core.initial_carry(len(batch.x)))
            batch = batch.restarted()
        if self._restart is not None:
            batch = batch.restarted(self._restart)
            self._restart = None
        batch, number = self.keys.of(batch), self.batches - 1
        return self.replication.of(self.burn_in.of(batch, number=number), where=f"training batch {number}")

    @property
    def counts(self) -> dict[str, int]:
        """Rows that were not as they should be, by name; only what there was."""
        counts = {"restarted_rows": self.restarted_rows, "lost_rows": self.burn_in.lost_rows}
        return {name: count for name, count in counts.items() if count}

    def end(self, state: Any, *, broken: Tensor | None) -> None:
        """Keep the state after a batch; rows of it that are not finite begin anew with the next one.

        Args:
            state: None: nothing continues the batch.
            broken: (B,) bool, rows that were not finite within the batch; None: every update was made.
        """
        self.value = state
        if state is not None:
            # Kept inputs may hold padding of any value: they are looked at only where an update failed.
            finite = finite_rows(state[0] if broken is None else state)
            if finite is not None and not bool(finite.all()):
                self._restart = ~finite
                self.value = zeroed_where_not_finite(state, self._restart)
                broken = self._restart if broken is None else broken | self._restart
        if broken is not None:
            self.restarted_rows += int(broken.sum())

    def state_dict(self) -> dict[str, Any]:
        """This process's part of a checkpoint, plain values."""
        return {
            "states": saved_state(self.value),
            "restarts": self._restart,
            "restarted_rows": self.restarted_rows,
            "batches": self.batches,
            "lost_rows": self.burn_in.lost_rows,
            **self.keys.state_dict(),
        }

    def load_state_dict(self, saved: dict[str, Any], device: torch.device) -> None:
        """Take back what `state_dict` gave."""
        self._restart, self.restarted_rows = saved["restarts"], int(saved["restarted_rows"])
        self.batches = int(saved.get("batches", 0))  # checkpoints of before have none
        self.burn_in.lost_rows = int(saved.get("lost_rows", 0))
        self.keys.load_state_dict(saved)
        state = restored_state(saved["states"], device)
        if state is not None:
            first = self.bptt.first_state(self.core.initial_carry(1))
            fits = hasattr(first, "_fields") and len(first) >= len(state)  # unless a fork has changed it
            self.value = type(first)(*state) if fits else state

    def begin_strategy(self, objective: Any) -> None:
        """Let another strategy go on from the carry that the state of the one before has come to.

        Steps that it kept are run once more, without a gradient; those that waited to be scored are not.
        """
        if self.value is None:
            return
        carry, *rest = self.value
        kept = [piece for part in rest if isinstance(part, tuple) for piece in part]
        with torch.no_grad():
            for piece in kept:
                if isinstance(piece, SequenceBatch):
                    _, carry = objective(piece, carry)
        self.value = self.bptt.first_state(carry)
