"""Copies: examples that are equal are never on both sides of a split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from datamodules.collecting.partition import PART_NAMES, Partition


def assign_apart(
    partition: Partition,
    copies: np.ndarray,
    *,
    source: str,
    classes: Sequence[int],
    fields: Mapping[str, Sequence[str]],
    given: Sequence[str | None],
) -> tuple[np.ndarray, np.ndarray]:
    """The part of every example, 0, 1 or 2, and (N,) bool, which of them to leave out.

    Where only the seed divides, one of each set of copies is assigned and the others go with it. Where the
    data, fields or groups divide, they decide; of a set that then is in several parts, test keeps its copies,
    else validation, and those in the parts before are left out.

    A given training part without a given validation or test part is where the missing one is drawn from.

    Args:
        partition: of the recipe.
        copies: (N,) equal numbers for equal examples.
        source, classes, fields, given: as in `Partition.assign`.

    Raises:
        BadInput: as `Partition.assign`.
    """
    count = len(copies)
    part = np.zeros(count, dtype=np.int64)
    if not (partition.by or partition.val or partition.test or any(given)):
        firsts, of = np.unique(copies, return_index=True, return_inverse=True)[1:]
        order = np.argsort(firsts)
        ordered = firsts[order]
        parts = partition.assign(len(firsts), source=source, classes=np.asarray(classes)[ordered].tolist())
        for number, chosen in enumerate(parts):
            part[ordered[chosen]] = number
        return part[firsts][of.reshape(-1)], np.zeros(count, dtype=bool)
    tests = partition.test or partition.folds or partition.shares[2] > 0
    if "val" not in given or ("test" not in given and tests):
        given = [None if each == "train" else each for each in given]
    parts = partition.assign(count, source=source, classes=classes, fields=fields, given=given)
    for number, chosen in enumerate(parts):
        part[chosen] = number
    latest = np.zeros(int(copies.max()) + 1, dtype=np.int64)
    np.maximum.at(latest, copies, part)
    return part, part < latest[copies]


def names_of(parts: np.ndarray) -> list[str]:
    """(N,) "train", "val" or "test"."""
    return [PART_NAMES[number] for number in parts.tolist()]
