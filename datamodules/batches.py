"""Batches: a loader whose position a checkpoint can hold."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from elman.batch import SequenceBatch
from elman.errors import BadInput

ENDLESS = 10**9  # a length keeps Lightning from fetching one batch ahead, which would save a wrong position

WATCH_SECONDS = 0.5

BURST_SECONDS = 0.002
"""After so long no further batch is made ahead of its use."""

PIPED_BYTES = 1 << 16
"""Smaller tensors come from a worker as arrays, through a pipe: shared memory costs 0.2 ms a tensor."""


class Batches:
    """Batch 0, 1, 2, ... of `batch`, a pure function of its index.

    An endless loader (training) goes on where it stopped: after `load_state_dict`, and when it is
    iterated anew. A finite one (validation, test) begins at 0 each time. With workers, batches are read
    ahead in other processes; they are the same, and so is the position, which counts those handed out.

    Args:
        batch: index -> batch; the same index gives the same batch, independent of the batches before.
        length: number of batches; None: endless, `len()` is then 10**9.
        workers: processes that read ahead; 0: none.
        steps_per_batch: mean time steps of a batch over all processes, where batches differ; None: the
            that of the first batch.
        names: index -> for each row of that batch, what its sequences are called, in their order; None: they
            have no names.
        suffix: index -> of which of several sorts that batch of whole sequences is, whose metrics are also
            given apart, under their names with this at the end; None: all are of one sort.
        unknown_share: share of its target ids that are the unknown one.

    Attributes:
        follow: called with the mean loss of a training batch, in nats or as squared error, before the next is
            made. Workers would read ahead of it, so there must be none. None: nothing depends on it.
        metrics: what is logged of training data, by name; None: nothing.

    `waited_seconds` is the time that iteration has waited for batches.
    """

    def __init__(
        self,
        batch: Callable[[int], SequenceBatch],
        *,
        length: int | None = None,
        workers: int = 0,
        steps_per_batch: float | None = None,
        names: Callable[[int], Sequence[Sequence[str]]] | None = None,
        suffix: Callable[[int], str] | None = None,
        unknown_share: float = 0.0,
    ) -> None:
        self.batch = batch
        self.length = length
        self.workers = workers
        self.steps_per_batch = steps_per_batch
        self.names, self.suffix, self.unknown_share = names, suffix, unknown_share
        self.follow: Callable[[float], None] | None = None
        self.metrics: Callable[[], Mapping[str, float]] | None = None
        self.index = 0
        self.waited_seconds = 0.0

    def __len__(self) -> int:
        return ENDLESS if self.length is None else self.length

    def __iter__(self) -> Iterator[SequenceBatch]:
        if self.length is not None:
            self.index = 0
        upcoming = self._from(self.index)
        while self.index < len(self):
            begun = time.perf_counter()
            batch = next(upcoming)
            self.waited_seconds += time.perf_counter() - begun
            self.index += 1  # before the yield: a position saved while a batch is trained counts that batch
            yield batch

    def _from(self, index: int) -> Iterator[SequenceBatch]:
        if not self.workers:
            yield from self._in_bursts(index)
            return
        indexes = range(index, len(self))
        ahead = DataLoader(
            _ByIndex(self.batch),
            sampler=indexes,
            batch_size=None,
            num_workers=self.workers,
            collate_fn=_as_it_is,
            worker_init_fn=_end_with_parent,
            generator=torch.Generator(),  # or the process's would go on by a draw, and dropout with it
        )
        for found in ahead:
            if isinstance(found, BadInput):  # a loader would add the worker's traceback to the message
                raise found
            yield _each(found, _unpacked)

    def _in_bursts(self, index: int) -> Iterator[SequenceBatch]:
        """Cheap batches several in a row.

        An update drives what makes them out of the processor's caches: the first batch after it costs up to
        three times what the others do.
        """
        while index < len(self):
            made, until = [self.batch(index)], time.perf_counter() + BURST_SECONDS
            broken: Exception | None = None
            while self.follow is None and index + len(made) < len(self) and time.perf_counter() < until:
                try:
                    made.append(self.batch(index + len(made)))
                except Exception as error:  # comes in its turn: the batches before it are to be learned
                    broken = error
                    break
            index += len(made)
            yield from made
            if broken is not None:
                raise broken

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


def _end_with_parent(worker: int) -> None:
    """A worker ends soon after the process that it reads for, however that ended.

    torch's own check waits for room in a pipe that nobody empties any more, for ever.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="elman-parent", daemon=True).start()


class _ByIndex(Dataset):
    def __init__(self, batch: Callable[[int], SequenceBatch]) -> None:
        self.batch = batch

    def __getitem__(self, index: int) -> Any:
        try:
            return _each(self.batch(index), _packed)
        except BadInput as error:
            return error


def _as_it_is(found: Any) -> Any:
    return found


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    """`value` with `change` made to all that its tuples hold."""
    if not isinstance(value, tuple):
        return change(value)
    parts = (_each(part, change) for part in value)
    return SequenceBatch(*parts) if isinstance(value, SequenceBatch) else tuple(parts)


def _packed(leaf: Any) -> Any:
    small = isinstance(leaf, Tensor) and leaf.nbytes <= PIPED_BYTES
    return leaf.numpy() if small else leaf


def _unpacked(leaf: Any) -> Any:
    return torch.tensor(leaf) if isinstance(leaf, np.ndarray) else leaf
