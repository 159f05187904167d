"""Captions: what a network says about a context, and what it should have said, as text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import torch
from torch import Tensor

from elman.batch import SequenceBatch
from elman.captions.decoding import beam, greedy, truncate_at_eos
from elman.tree import Carry, tree_map


class Captions(Protocol):
    """What data with captions says of them: `bos` begins x, `eos` ends y, `max_length` counts symbols."""

    @property
    def bos(self) -> int: ...
    @property
    def eos(self) -> int: ...
    @property
    def max_length(self) -> int: ...


class Decodes(Protocol):
    """Turns ids into the text that they stand for."""

    def decode(self, ids: Iterable[int] | Tensor, /) -> str: ...


class CaptionNetwork(Protocol):
    """What decoding asks of a task."""

    captions: Any
    alphabet: Any
    readout: Any
    training: bool

    @property
    def device(self) -> torch.device: ...
    def eval(self) -> Any: ...
    def train(self, mode: bool = True) -> Any: ...
    def first_carry(self, window: SequenceBatch) -> Carry: ...
    def predict(self, x: Tensor, carry: Carry) -> tuple[Tensor, Carry]: ...


@torch.no_grad()
def captions_of(task: CaptionNetwork, batch: SequenceBatch, *, width: int = 1) -> list[str]:
    """What the network says about the context of every row, as if each began here.

    Args:
        task: with captions and an alphabet; neither x nor y is looked at.
        width: beginnings that a beam search keeps; 1 decodes greedily.
    """
    captions, alphabet = caption_metadata(task)
    was_training = task.training
    task.eval()

    def moved(leaf: Tensor) -> Tensor:
        return leaf.to(task.device, task.readout.weight.dtype if leaf.is_floating_point() else None)

    def step(symbol: Tensor, carry: Any) -> tuple[Tensor, Any]:
        said, carry = task.predict(symbol[:, None], carry)
        return said[:, 0].double().log_softmax(-1), carry

    carry = task.first_carry(batch._replace(context=tree_map(moved, batch.context)))
    how = {"bos": captions.bos, "eos": captions.eos, "max_length": captions.max_length}
    said = greedy(step, carry, **how) if width == 1 else beam(step, carry, **how, width=width)
    task.train(was_training)
    return [alphabet.decode(ids) for ids in said.ids]


def true_captions(task: CaptionNetwork, batch: SequenceBatch) -> list[str | None]:
    """The caption of every row; None for a row that does not hold a whole one, or no target at all."""
    captions, alphabet = caption_metadata(task)
    found: list[str | None] = []
    for row in range(len(batch.x)):
        if batch.y is None or not bool(batch.is_first[row]):
            found.append(None)
            continue
        ids = batch.y[row].cpu()[batch.scored[row]]
        complete = bool((ids == captions.eos).any())
        found.append(alphabet.decode(truncate_at_eos(ids, captions.eos)) if complete else None)
    return found


def caption_metadata(task: CaptionNetwork) -> tuple[Captions, Decodes]:
    """How the captions of a task begin, end and read."""
    if task.captions is None or task.alphabet is None:
        raise ValueError("this task's data has no captions, so there is nothing to decode")
    return task.captions, task.alphabet
