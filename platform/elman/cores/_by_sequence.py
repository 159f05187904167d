"""Running summaries of rows in which sequences begin: each sequence's own."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from elman.cores.resets import Resets
from elman.tree import Carry, rows, where_rows

Summary = Callable[[Tensor, Carry, Tensor], tuple[Tensor, Carry]]
"""(values (B, T, H), zero where no step exists; carry; exist (B, T, 1) bool) -> ((B, T, H), carry)."""


def by_sequence(
    summarise: Summary, values: Tensor, carry: Carry, lengths: Tensor | None, resets: Resets
) -> tuple[Tensor, Carry]:
    """`summarise` of every sequence on its own, from the carry that it begins with.

    Args:
        values: (B, T, H); what lies beyond a row's steps is not read.
        lengths: (B,) int on the host; None: every row has T steps.

    Returns:
        (B, T, H), zero where no step exists, and the carry after each row's own last step.

    Cost: a copy of the values, at most doubled by padding: sequences are summarised side by side with those
        that differ from them by less than twice.
    """
    row_count, steps = values.shape[:2]
    row, start, count = sequences(resets.begins, lengths)
    last = torch.ones(len(row), dtype=torch.bool)
    last[:-1] = row[1:] != row[:-1]
    flat = values.flatten(0, 1)
    places, found = [], []
    end = carry
    sizes = torch.frexp(count.double()).exponent  # 1, 2 to 3, 4 to 7, ... steps
    for size in sizes.unique().tolist():
        which = (sizes == size).nonzero().squeeze(1)
        step = torch.arange(int(count[which].max()))
        exist = step < count[which, None]  # (n, t)
        place = (row[which] * steps + start[which])[:, None] + torch.where(exist, step, 0)
        here = exist.to(values.device)
        piece = flat[place.to(values.device)].masked_fill(~here[:, :, None], 0)  # (n, t, H)
        first = where_rows(start[which] > 0, rows(resets.first, row[which]), rows(carry, row[which]))
        summary, after = summarise(piece, first, here[:, :, None])
        places.append(place[exist])
        found.append(summary[here])
        index = row[which][last[which]].to(values.device)
        end = tuple(
            leaf.to(new.dtype).index_copy(0, index, rows(new, last[which]))
            for leaf, new in zip(end, after, strict=True)
        )
    if not found:
        return torch.zeros_like(values), carry
    every = torch.cat(found)
    out = every.new_zeros(row_count * steps, every.shape[1])
    return out.index_copy(0, torch.cat(places).to(values.device), every).unflatten(0, (row_count, steps)), end


def sequences(begins: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Row, first step and number of steps of every sequence in rows, row by row, (N,) each on the host.

    Args:
        begins: (B, T) bool; a row with steps begins or goes on at step 0, whatever this says.
    """
    row_count, steps = begins.shape
    exist = torch.full((row_count,), steps) if lengths is None else lengths
    marks = begins & (torch.arange(steps) < exist[:, None])
    marks[:, :1] = exist[:, None] > 0
    row, start = marks.nonzero(as_tuple=True)
    stop = exist[row]
    following = row[1:] == row[:-1]
    stop[:-1] = torch.where(following, start[1:], stop[:-1])
    return row, start, stop - start
