"""What each process of a run has of its own, dealt anew to another number of processes.

Process r of n holds rows r, r + n, r + 2n, ... of each batch, and a state's tensors have rows first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from elman.errors import BadInput

OWN = ("states", "restarts")
COUNTS = ("restarted_rows", "lost_rows")


class UnlikeError(Exception):
    """States of processes that cannot be laid together."""


def dealt(saved: Mapping[str, Any], ranks: int) -> dict[str, Any]:
    """The part of a checkpoint that is ours, as `ranks` processes would have saved it.

    Random generators go on where there was one; a further process keeps those it was seeded with.

    Args:
        saved: with lists by process.

    Raises:
        BadInput: if rows are not all alike, or fewer than the processes.
    """
    states = [_without_place(state) for state in saved["states"]]
    before = len(states)
    if before == ranks:
        return dict(saved)
    try:
        whole = _joined(states)
        begins = [_begins(state, restart) for state, restart in zip(states, saved["restarts"], strict=True)]
        restarts = _joined(begins) if any(map(_is_tensor, saved["restarts"])) else None
        own = [[_own(tree, rank, ranks) for rank in range(ranks)] for tree in (whole, restarts)]
    except UnlikeError as error:
        raise BadInput(
            f"the checkpoint of {before} {'process' if before == 1 else 'processes'} cannot go on with "
            f"{ranks}, since {error}; start {before}: trainer.devices={before}"
        ) from error
    new = dict(zip(OWN, own, strict=True))
    for name in COUNTS:
        if name in saved:
            new[name] = [sum(map(int, saved[name])), *[0] * (ranks - 1)]
    for name in ("batches", "noise_place"):
        if name in saved:
            new[name] = [saved[name][0]] * ranks
    if "noise_sequences" in saved:
        new["noise_sequences"] = [None] * ranks  # other processes draw otherwise
    return {**saved, **new, "random": list(saved["random"][:ranks])}


def _joined(parts: Sequence[Any]) -> Any:
    """One tree of all rows out of one of each process."""
    first = parts[0]
    if all(map(_is_tensor, parts)) and first.dim():
        rows = sum(map(len, parts))
        if len({part.shape[1:] for part in parts}) > 1:
            raise UnlikeError("their batches are of unequal length, and so is what waits for the next one")
        if [len(part) for part in parts] != [len(range(r, rows, len(parts))) for r in range(len(parts))]:
            raise UnlikeError(f"they hold {' and '.join(str(len(part)) for part in parts)} rows")
        whole = first.new_empty(rows, *first.shape[1:])
        for rank, part in enumerate(parts):
            whole[rank :: len(parts)] = part
        return whole
    if all(isinstance(part, tuple) and len(part) == len(first) for part in parts):
        return tuple(map(_joined, zip(*parts, strict=True)))
    if any(map(_is_tensor, parts)) or any(part != first for part in parts):
        raise UnlikeError("they are not at the same place in their windows")
    return first


def _own(tree: Any, rank: int, ranks: int) -> Any:
    """What process `rank` has of it."""
    if isinstance(tree, Tensor) and tree.dim():
        if len(tree) < ranks:
            raise UnlikeError(f"there are {len(tree)} rows")
        return tree[rank::ranks].clone()
    if isinstance(tree, tuple):
        return tuple(_own(part, rank, ranks) for part in tree)
    return tree


def _begins(state: Any, restart: Tensor | None) -> Tensor | None:
    """Rows of a process that begin anew, as a mask where there are rows."""
    if restart is not None or state is None:
        return restart
    leaf = state
    while isinstance(leaf, tuple):
        leaf = leaf[0]
    return torch.zeros(len(leaf), dtype=torch.bool)


def _is_tensor(part: Any) -> bool:
    return isinstance(part, Tensor)


def _without_place(state: Any) -> Any:
    """Files of before have each tensor with a word on where it lay."""
    if isinstance(state, dict):
        return state["value"]
    return tuple(map(_without_place, state)) if isinstance(state, tuple) else state
