"""From a network that tells the next symbol to the symbols it says: greedily, or by beam search."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from elman.tree import rows, tree_map

Step = Callable[[Tensor, Any], tuple[Tensor, Any]]
"""Symbols (B,) and a carry to the log probabilities of the next symbol (B, O), and the carry that follows."""


class Decoded(NamedTuple):
    """What was said in every row.

    Args:
        ids: B tensors (n,) on the host, without start and end.
        log_probability: (B,) float64, of `ids` and the end, where an end was said.
    """

    ids: list[Tensor]
    log_probability: Tensor


def greedy(step: Step, carry: Any, *, bos: int, eos: int, max_length: int) -> Decoded:
    """At every step the likeliest symbol, until that is `eos` or `max_length` symbols are said.

    Args:
        step: tells the next symbol.
        carry: nested tuples of tensors with rows first, at least one.
        bos: symbol that begins every row.
        eos: symbol after which a row says no more.
        max_length: most symbols of a row, the end included.

    Raises:
        ValueError: if `max_length` is below 1.
    """
    _check(max_length=max_length)
    like = _first_leaf(carry)
    symbol = torch.full((len(like),), bos, device=like.device)
    ended = torch.zeros_like(symbol, dtype=torch.bool)
    total = torch.zeros(len(like), dtype=torch.float64, device=like.device)
    said: list[Tensor] = []
    while len(said) < max_length and not bool(ended.all()):
        following, carry = step(symbol, carry)
        best, symbol = following.double().sort(dim=1, descending=True, stable=True)  # of equals, the first
        total += torch.where(ended, 0.0, best[:, 0])
        symbol = symbol[:, 0]
        ended = ended | (symbol == eos)
        said.append(symbol)
    return _decoded(torch.stack(said, 1), total, eos)


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
    """The likeliest of the `width` beginnings that are kept at every step.

    Beginnings are ranked by log p / n ** length_penalty, n symbols, end included. One that has ended
    keeps its rank and its place until better ones take it. Of equals, the one with the better beginning
    goes first, then the one with the smaller id. `width=1` is `greedy`; a width that leaves no beginning
    out is exact.

    Args:
        step, carry, bos, eos, max_length: as in `greedy`.
        width: beginnings kept in a row.
        length_penalty: 0 compares probabilities, 1 their geometric mean over symbols.

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
    carry = rows(carry, number.repeat_interleave(width))  # row b's beginnings are b width, b width + 1, ...
    total = torch.full((row_count, width), -torch.inf, dtype=torch.float64, device=device)
    total[:, 0] = 0.0  # all beginnings are alike at first: one is enough
    ended = torch.zeros(row_count, width, dtype=torch.bool, device=device)
    length = torch.zeros(row_count, width, dtype=torch.float64, device=device)
    symbol = torch.full((row_count * width,), bos, device=device)
    said = symbol.new_zeros(row_count, width, 0)
    for _ in range(max_length):
        following, carry = step(symbol, carry)
        outputs = following.shape[-1]
        silent = following.new_full((outputs,), -torch.inf, dtype=torch.float64)
        silent[eos] = 0.0  # the one way to go on from an end, which costs nothing
        following = torch.where(ended[..., None], silent, following.double().view(row_count, width, outputs))
        length = length + ~ended
        reached = total[..., None] + following  # (B, width, O)
        ranked = (reached / length[..., None] ** length_penalty).flatten(1)
        kept = ranked.sort(dim=1, descending=True, stable=True).indices[:, :width]
        parent, chosen = kept // outputs, kept % outputs
        total = reached.flatten(1).gather(1, kept)
        ended = chosen == eos
        length = length.gather(1, parent)
        said = torch.cat([said.gather(1, parent[..., None].expand_as(said)), chosen[..., None]], 2)
        carry = rows(carry, (number[:, None] * width + parent).flatten())
        symbol = chosen.flatten()
        # Probabilities only fall, so nothing overtakes an end at the head; their means may rise.
        if bool((ended if length_penalty else ended[:, :1]).all()):
            break
    return _decoded(said[:, 0], total[:, 0], eos)


def truncate_at_eos(ids: Tensor, eos: int) -> Tensor:
    """The symbols (n,) of `ids` (T,) before the first `eos`."""
    ends = (ids == eos).nonzero()
    return ids[: int(ends[0])] if len(ends) else ids


def _decoded(said: Tensor, total: Tensor, eos: int) -> Decoded:
    return Decoded([truncate_at_eos(ids, eos) for ids in said.cpu()], total.cpu())


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
