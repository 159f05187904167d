"""Captions: what a network writes about a context, and what it should have written, as text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import torch
from torch import Tensor

from elman.batch import SequenceBatch
from elman.captions.decoding import beam, greedy, truncate_at_eos
from elman.cores import Core
from elman.tasks.network import Network
from elman.tree import tree_map


class Captions(Protocol):
    """How captions are written in tokens: `bos` begins x, `eos` ends y, `max_length` counts tokens."""

    @property
    def bos(self) -> int: ...
    @property
    def eos(self) -> int: ...
    @property
    def max_length(self) -> int: ...


class Decodes(Protocol):
    """Turns ids into the text that they stand for."""

    def decode(self, ids: Iterable[int] | Tensor, /) -> str: ...


def has_captions(data: Any) -> bool:
    """Whether the targets of this data are captions."""
    return getattr(data, "captions", None) is not None


def refuse_core(core: Core) -> None:
    """Raise ValueError for a core that cannot write captions."""
    if not core.streams:
        raise ValueError(
            f"captions are written token by token, but {type(core).__name__} reads later steps; "
            "use a core that reads forward alone"
        )


@torch.no_grad()
def captions_of(network: Network, data: Any, batch: SequenceBatch, *, width: int = 1) -> list[str]:
    """What the network writes about the context of every row, as if each began here.

    Args:
        data: with captions and an alphabet.
        batch: neither x nor y is read.
        width: hypotheses that a beam search keeps; 1 decodes greedily.
    """
    captions, alphabet = _metadata(data)
    refuse_core(network.core)
    was_training, weight = network.training, network.readout.weight
    network.eval()

    def moved(leaf: Tensor) -> Tensor:
        return leaf.to(weight.device, weight.dtype if leaf.is_floating_point() else None)

    def step(token: Tensor, carry: Any) -> tuple[Tensor, Any]:
        out, carry = network.predict(token[:, None], carry)
        scores = out[:, 0].double().log_softmax(-1)
        if not getattr(alphabet, "has_unknown", True):  # what training never had is not written
            scores[:, 0] = -torch.inf
        return scores, carry

    carry = network.first_carry(len(batch.x), tree_map(moved, batch.context))
    how = {"bos": captions.bos, "eos": captions.eos, "max_length": captions.max_length}
    decoded = greedy(step, carry, **how) if width == 1 else beam(step, carry, **how, width=width)
    network.train(was_training)
    return [alphabet.decode(ids) for ids in decoded.ids]


def true_captions(data: Any, batch: SequenceBatch) -> list[str | None]:
    """The caption of every row; None for a row that does not hold a whole one, or no target at all."""
    captions, alphabet = _metadata(data)
    found: list[str | None] = []
    for row in range(len(batch.x)):
        if batch.y is None or not bool(batch.is_first[row]):
            found.append(None)
            continue
        ids = batch.y[row].cpu()[batch.scored[row]]
        complete = bool((ids == captions.eos).any())
        found.append(alphabet.decode(truncate_at_eos(ids, captions.eos)) if complete else None)
    return found


def _metadata(data: Any) -> tuple[Captions, Decodes]:
    """How the captions of this data begin, end and read."""
    if not has_captions(data):
        raise ValueError("this data has no captions, so there is nothing to decode")
    return data.captions, data.alphabet
