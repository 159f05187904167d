"""Examples: sequences of any length, read one at a time, and how some of them make a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from elman.batch import SequenceBatch, at_first_step


class Example(NamedTuple):
    """One sequence and its targets.

    Args:
        x: (T, F) values or (T,) ids.
        y: (T,) classes or (T, O) values, a target for every step, scored or not; None where none is known.
        scored: (T,) bool, the steps that count.
        context: a tensor or tuple of tensors known before step 0, without an axis of rows.
        scale: (O,) what 1 in y stands for, in the data's own units; None: the same in all examples.
    """

    x: Tensor
    y: Tensor | None
    scored: Tensor
    context: Tensor | tuple[Tensor, ...] | None = None
    scale: Tensor | None = None

    @property
    def steps(self) -> int:
        """Length of the time axis."""
        return len(self.x)

    def window(self, start: int, stop: int) -> Example:
        """Steps [start, stop)."""
        if start == 0 and stop == len(self.x):
            return self
        y = None if self.y is None else self.y[start:stop]
        return Example(self.x[start:stop], y, self.scored[start:stop], self.context, self.scale)


class Examples(Protocol):
    """Examples by number; the same number gives the same example, independent of earlier reads."""

    @property
    def lengths(self) -> np.ndarray:
        """(N,) int64, steps of every example, known without reading it."""

    def window(self, number: int, start: int, stop: int) -> Example:
        """Steps [start, stop) of example `number`; no more of it is read where its file allows that."""


@runtime_checkable
class ManyAtOnce(Examples, Protocol):
    """Examples of which many are cheaper to give at once: where all of them lie in one tensor."""

    def batch(self, numbers: np.ndarray) -> SequenceBatch:
        """These examples whole, to the bit what `collate` makes of their windows."""


@runtime_checkable
class UnknownTargets(Examples, Protocol):
    """Examples with target ids, one of which stands for what training did not have."""

    def unknown_share(self, numbers: np.ndarray) -> float:
        """Share of the target ids of some examples that are that one."""


def many_to_one(x: Tensor, label: int) -> Example:
    """A sequence whose last step alone is scored, against one class."""
    return Example(x, torch.full((len(x),), label), torch.arange(len(x)) == len(x) - 1)


class Classified:
    """Sequences of one class each, read when they are needed.

    Args:
        read: (one of `things`, start, stop) -> x of these steps.
        things: (N,) what sequences are read from.
        lengths: (N,) steps.
        labels: (N,) classes.
        scored_from: (N,) first step that is scored; None: the last step alone is.
    """

    def __init__(
        self,
        read: Callable[[Any, int, int], Tensor],
        things: Sequence[Any],
        lengths: np.ndarray,
        labels: np.ndarray,
        scored_from: np.ndarray | None = None,
    ) -> None:
        self.read, self.things, self.lengths, self.labels = read, things, lengths, labels
        self.scored_from = lengths - 1 if scored_from is None else scored_from

    def window(self, number: int, start: int, stop: int) -> Example:
        x, label = self.read(self.things[number], start, stop), int(self.labels[number])
        scored = torch.arange(start, start + len(x)) >= int(self.scored_from[number])
        return Example(x, torch.full((len(x),), label), scored)


def many_to_one_batch(x: Tensor, labels: Tensor, lengths: Tensor) -> SequenceBatch:
    """What `collate` makes of sequences that `many_to_one` has made.

    Args:
        x: padded with zeros, (B, T, F) values or (B, T) ids.
        labels, lengths: (B,).
    """
    step, last = torch.arange(x.shape[1]), lengths[:, None] - 1
    return SequenceBatch(
        x=x,
        y=torch.where(step <= last, labels[:, None], 0),
        scored=step == last,
        lengths=lengths,
        begins=at_first_step(torch.ones(len(x), dtype=torch.bool), x.shape[1]),
    )


def aligned(x: Tensor, y: Tensor) -> Example:
    """A sequence with a target at every step, all of them scored."""
    return Example(x, y, torch.ones(len(x), dtype=torch.bool))


def whole_batches(examples: Examples) -> Callable[[np.ndarray], SequenceBatch]:
    """Numbers of examples -> these examples whole, a row each."""
    return examples.batch if isinstance(examples, ManyAtOnce) else partial(_read_whole, examples)


def _read_whole(examples: Examples, numbers: np.ndarray) -> SequenceBatch:
    lengths = examples.lengths[numbers].tolist()
    return collate([examples.window(n, 0, steps) for n, steps in zip(numbers.tolist(), lengths, strict=True)])


def collate(
    examples: Sequence[Example | None], *, is_first: Tensor | None = None, is_last: bool = True
) -> SequenceBatch:
    """One row an example, padded to the longest; padding is zero, beyond `lengths`, and never scored.

    A context of unequal sizes is padded with zeros too, so its length must be part of it.

    Args:
        examples: at least one that is not None; None is a row without steps.
        is_first: (B,) bool; None: every row begins here.
        is_last: nothing continues these rows.
    """
    like = next(example for example in examples if example is not None)
    rows = [like.window(0, 0) if example is None else example for example in examples]
    x = padded([row.x for row in rows])
    is_first = torch.ones(len(rows), dtype=torch.bool) if is_first is None else is_first
    return SequenceBatch(
        x=x,
        y=None if like.y is None else padded([row.y for row in rows if row.y is not None]),
        scored=padded([row.scored for row in rows]),
        lengths=torch.tensor([row.steps for row in rows]),
        begins=at_first_step(
            torch.ones(len(rows), dtype=torch.bool) if is_first is None else is_first, x.shape[1]
        ),
        is_last=is_last,
        context=stacked([row.context for row in rows]),
        scale=None
        if like.scale is None
        else torch.stack([row.scale for row in rows if row.scale is not None]),
    )


def padded(leaves: Sequence[Tensor]) -> Tensor:
    """(B, ...) with every axis as long as the longest of `leaves`, the rest zero."""
    shapes = [leaf.shape for leaf in leaves]
    if shapes.count(shapes[0]) == len(shapes):
        return torch.stack(list(leaves))
    out = leaves[0].new_zeros(len(leaves), *map(max, zip(*shapes, strict=True)))
    for row, leaf in zip(out.numpy(), leaves, strict=True):  # many small copies, which numpy does faster
        row[tuple(map(slice, leaf.shape))] = leaf.numpy()
    return out


def stacked(contexts: Sequence[Tensor | tuple[Tensor, ...] | None]) -> Tensor | tuple[Tensor, ...] | None:
    """Contexts of equal kinds, rows first, padded with zeros."""
    first = contexts[0]
    if first is None:
        return None
    if isinstance(first, Tensor):
        return padded([context for context in contexts if isinstance(context, Tensor)])
    parts = zip(*(context for context in contexts if isinstance(context, tuple)), strict=True)
    return tuple(padded(list(leaves)) for leaves in parts)
