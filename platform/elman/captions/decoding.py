"""From a network that predicts the next token to the tokens it writes: greedily, or by beam search."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from elman.tree import rows, tree_map

Step = Callable[[Tensor, Any], tuple[Tensor, Any]]
"""Tokens (B,) and a carry to the log probabilities of the next token (B, O), and the carry that follows."""


class Decoded(NamedTuple):
    """What was written in every row.

    Args:
        ids: B tensors (n,) on the host, without bos and eos.
        log_probability: (B,) float64, of `ids` and eos, where eos was reached.
    """

    ids: list[Tensor]
    log_probability: Tensor


def greedy(step: Step, carry: Any, *, bos: int, eos: int, max_length: int) -> Decoded:
    """At every step the likeliest token, until that is `eos` or there are `max_length` tokens.

    Args:
        step: predicts the next token.
        carry: nested tuples of tensors with rows first, at least one.
        bos: token that begins every row.
        eos: token that ends a row.
        max_length: most tokens of a row, eos included.

    Raises:
        ValueError: if `max_length` is below 1.
    """
    _check(max_length=max_length)
    like = _first_leaf(carry)
    token = torch.full((len(like),), bos, device=like.device)
    ended = torch.zeros_like(token, dtype=torch.bool)
    total = torch.zeros(len(like), dtype=torch.float64, device=like.device)
    ids: list[Tensor] = []
    while len(ids) < max_length and not bool(ended.all()):
        following, carry = step(token, carry)
        best, token = following.double().sort(dim=1, descending=True, stable=True)  # of equals, the first
        total += torch.where(ended, 0.0, best[:, 0])
        token = token[:, 0]
        ended = ended | (token == eos)
        ids.append(token)
    return _decoded(torch.stack(ids, 1), total, eos)


def beam(
    step: Step,
    carry: Any,
    *,
    bos: int,
    eos: int,
    max_length: int,
    width: int,
    length_penalty: float = 0.0,
) -> Decoded:
    """The likeliest of the `width` hypotheses that are kept at every step.

    Hypotheses are ranked by log p / n ** length_penalty, n tokens, eos included. One that has ended
    keeps its rank and its place until better ones take it. Of equals, the one that extends the better
    hypothesis goes first, then the one with the smaller id. `width=1` is `greedy`; a width that leaves no
    hypothesis out is exact.

    Args:
        step, carry, bos, eos, max_length: as in `greedy`.
        width: hypotheses kept in a row.
        length_penalty: 0 compares probabilities, 1 their geometric mean over tokens.

    Raises:
        ValueError: if `max_length` or `width` is below 1 or `length_penalty` negative.

    Cost: as `greedy` with `width` times the rows.

    Source: Graves (2012), arXiv 1211.3711, for the search; Cho et al. (2014), arXiv 1409.1259, section 2.2,
        for the division by length.
    """
    _check(max_length=max_length, width=width)
    if not length_penalty >= 0:
        raise ValueError(f"length_penalty must not be negative, got length_penalty={length_penalty}")
    like = _first_leaf(carry)
    row_count, device = len(like), like.device
    number = torch.arange(row_count, device=device)
    carry = rows(carry, number.repeat_interleave(width))  # row b's are b width, b width + 1, ...
    total = torch.full((row_count, width), -torch.inf, dtype=torch.float64, device=device)
    total[:, 0] = 0.0  # all hypotheses are alike at first: one is enough
    ended = torch.zeros(row_count, width, dtype=torch.bool, device=device)
    length = torch.zeros(row_count, width, dtype=torch.float64, device=device)
    token = torch.full((row_count * width,), bos, device=device)
    ids = token.new_zeros(row_count, width, 0)
    for _ in range(max_length):
        following, carry = step(token, carry)
        classes = following.shape[-1]
        only_eos = following.new_full((classes,), -torch.inf, dtype=torch.float64)
        only_eos[eos] = 0.0  # the one way to go on from eos, which costs nothing
        following = torch.where(
            ended[..., None], only_eos, following.double().view(row_count, width, classes)
        )
        length = length + ~ended
        reached = total[..., None] + following  # (B, width, O)
        ranked = (reached / length[..., None] ** length_penalty).flatten(1)
        kept = ranked.sort(dim=1, descending=True, stable=True).indices[:, :width]
        parent, chosen = kept // classes, kept % classes
        total = reached.flatten(1).gather(1, kept)
        ended = chosen == eos
        length = length.gather(1, parent)
        ids = torch.cat([ids.gather(1, parent[..., None].expand_as(ids)), chosen[..., None]], 2)
        carry = rows(carry, (number[:, None] * width + parent).flatten())
        token = chosen.flatten()
        # Probabilities only fall, so nothing overtakes an ended one at the head; their means may rise.
        if bool((ended if length_penalty else ended[:, :1]).all()):
            break
    return _decoded(ids[:, 0], total[:, 0], eos)


def truncate_at_eos(ids: Tensor, eos: int) -> Tensor:
    """The tokens (n,) of `ids` (T,) before the first `eos`."""
    ends = (ids == eos).nonzero()
    return ids[: int(ends[0])] if len(ends) else ids


def _decoded(ids: Tensor, total: Tensor, eos: int) -> Decoded:
    return Decoded([truncate_at_eos(row, eos) for row in ids.cpu()], total.cpu())


def _first_leaf(carry: Any) -> Tensor:
    found: list[Tensor] = []
    tree_map(lambda leaf: found.append(leaf) or leaf, carry)  # type: ignore[func-returns-value]
    if not found:
        raise ValueError("decoding goes on from a carry, but this one holds no tensor")
    return found[0]


def _check(**counts: int) -> None:
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"{name} must be at least 1, got {name}={count}")
