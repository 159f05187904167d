"""Values that are missing, by a stated rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from elman.errors import BadInput

Missing = Literal["error", "previous", "zero"]


def filled(values: np.ndarray, rule: Missing, where: Callable[[int, int], str]) -> np.ndarray:
    """`values` with a number in place of every NaN.

    Args:
        values: (N, n), rows in the order of time.
        rule: "previous" repeats the value of the row before, "zero" puts 0, "error" refuses.
        where: row and column -> place in the file.

    Raises:
        BadInput: by rule "error", or where there is no row before.
    """
    gone = np.isnan(values)
    if not gone.any():
        return values
    if rule == "zero":
        return np.where(gone, np.float32(0), values)
    if rule == "error":
        row, column = (int(place) for place in np.argwhere(gone)[0])
        raise BadInput(
            f"{where(row, column)}: no value; set data.missing to previous or zero, or "
            "data.drop_leading=true if only the first rows lack one"
        )
    if gone[0].any():
        raise BadInput(
            f"{where(0, int(np.argmax(gone[0])))}: no value, and none before it to repeat; set "
            "data.drop_leading=true, or data.missing=zero"
        )
    last = np.maximum.accumulate(np.where(gone, 0, np.arange(len(values))[:, None]), axis=0)
    return np.take_along_axis(values, last, axis=0)


def leading(*values: np.ndarray) -> int:
    """How many rows come before the first in which nothing is NaN; all, if there is none."""
    whole = ~np.concatenate([np.isnan(each) for each in values], axis=1).any(1)
    return int(np.argmax(whole)) if whole.any() else len(values[0])
