"""Carries, states and batches are nested tuples of tensors with rows first; these are their verbs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Carry = tuple[Tensor, ...]


def tree_map(change: Callable[[Tensor], Tensor], tree: Any) -> Any:
    """Apply `change` to every tensor of nested (named) tuples; anything else stays as it is."""
    if isinstance(tree, Tensor):
        return change(tree)
    if isinstance(tree, tuple):
        parts = [tree_map(change, part) for part in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)
    return tree


def detached(tree: Any) -> Any:
    """The same tensors, cut from the graph that made them."""
    return tree_map(Tensor.detach, tree)


def rows(tree: Any, index: Tensor) -> Any:
    """Rows `index` (int or bool, (N,)) of every tensor."""
    return tree_map(lambda leaf: leaf[index.to(leaf.device)], tree)


def where_rows(choose: Tensor, yes: Carry, no: Carry) -> Carry:
    """Row b of every tensor from `yes` where `choose` (B,) holds, else from `no`."""

    def pick(a: Tensor, b: Tensor) -> Tensor:
        mask = choose.to(b.device).reshape(-1, *[1] * (b.dim() - 1))
        return torch.where(mask, a, b)

    return tuple(pick(a, b) for a, b in zip(yes, no, strict=True))


def finite_rows(tree: Any) -> Tensor | None:
    """(B,) bool: rows in which every floating-point value is finite; None where there is none."""
    found: list[Tensor] = []
    tree_map(lambda leaf: found.append(leaf) or leaf, tree)  # type: ignore[func-returns-value]
    oks = [
        torch.isfinite(leaf[:, None]).flatten(1).all(1).cpu() for leaf in found if leaf.is_floating_point()
    ]
    return torch.stack(oks).all(0) if oks else None


def zeroed_where_not_finite(tree: Any, broken: Tensor) -> Any:
    """`tree` with every value that is not finite in rows `broken` (B,) replaced by zero."""

    def mended(leaf: Tensor) -> Tensor:
        if not leaf.is_floating_point():
            return leaf
        chosen = broken.to(leaf.device).reshape(-1, *[1] * (leaf.dim() - 1))
        return torch.where(chosen, torch.nan_to_num(leaf, 0.0, 0.0, 0.0), leaf)

    return tree_map(mended, tree)
