"""Batches: a loader whose position a checkpoint can hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from elman.batch import SequenceBatch
from elman.errors import BadInput

ENDLESS = 10**9  # a length keeps Lightning from fetching one batch ahead, which would save a wrong position


class Batches:
    """Batch 0, 1, 2, ... of `batch`, a pure function of its index.

    An endless loader (training) goes on where it stopped: after `load_state_dict`, and when it is
    iterated anew. A finite one (validation, test) begins at 0 each time.

    Args:
        batch: index -> batch; the same index gives the same batch, whatever came before.
        length: number of batches; None: endless, `len()` is then 10**9.
    """

    def __init__(self, batch: Callable[[int], SequenceBatch], *, length: int | None = None) -> None:
        self.batch = batch
        self.length = length
        self.index = 0

    def __len__(self) -> int:
        return ENDLESS if self.length is None else self.length

    def __iter__(self) -> Iterator[SequenceBatch]:
        if self.length is not None:
            self.index = 0
        while self.index < len(self):
            self.index += 1  # before the yield: a position saved while a batch is trained counts that batch
            yield self.batch(self.index - 1)

    def state_dict(self) -> dict[str, int]:
        """How many batches were handed out."""
        return {"index": self.index}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on after as many batches as `state` counts."""
        index = state.get("index")
        if not isinstance(index, int) or index < 0:
            raise BadInput(
                f"the checkpoint's data position must be a count of batches, got index={index!r}; "
                "it was saved by another loader: start without it"
            )
        self.index = index
