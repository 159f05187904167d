"""Values of the data that are not finite: where they are, in words."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor

from elman.batch import SequenceBatch
from elman.tree import finite_rows


class NotFinite(NamedTuple):
    """A value of a batch that is not finite.

    Args:
        what: inputs, targets or context.
        value: nan, inf or -inf.
        row: of the batch, from 0.
        step: of the batch, from 0; None: the value belongs to the whole row.
        number: of the row's sequence that holds it, from 0.
    """

    what: str
    value: float
    row: int
    step: int | None
    number: int = 0

    def named(self, loader: Any, part: str, index: int) -> str:
        """Which batch, row and step, with the name of the row's example where it has one, and the way out.

        Args:
            loader: the batch came from; may have `names`.
            part: of the data: training, validation or test.
            index: of the batch, from 0.
        """
        names = getattr(loader, "names", None)
        name = None if names is None else names(index)[self.row][self.number]
        row = f"row {self.row}" + (f" ({name})" if name else "")
        step = "" if self.step is None else f", step {self.step}"
        where = f"{part} batch {index} holds {self.value} in the {self.what} of {row}{step}"
        return f"{where}; mend the data or leave that out"


def not_finite(batch: SequenceBatch) -> NotFinite | None:
    """The first value of a batch that is not finite, padding and targets that are not scored left out."""
    exist = torch.arange(batch.steps) < batch.lengths.unsqueeze(1)  # (B, T)
    for what, values, counts in (("inputs", batch.x, exist), ("targets", batch.y, batch.scored)):
        if values is None or not values.is_floating_point():
            continue
        bad = ~torch.isfinite(values).reshape(*counts.shape, -1).all(2).cpu() & counts  # (B, T)
        if bool(bad.any()):
            row, step = bad.nonzero()[0].tolist()
            return NotFinite(what, _first(values[row, step]), row, step, batch.number_in_row(row, step))
    finite = None if batch.context is None else finite_rows(batch.context)
    if finite is None or bool(finite.all()):
        return None
    row = int((~finite).nonzero()[0])
    leaves = (batch.context,) if isinstance(batch.context, Tensor) else batch.context or ()
    return NotFinite(
        "context", _first(torch.cat([leaf[row].flatten().float() for leaf in leaves])), row, None
    )


class BadData:
    """The first place where a part of the data was not finite, of the batches that were looked at.

    Args:
        part: training, validation or test.
    """

    def __init__(self, part: str) -> None:
        self.part = part
        self.found: str | None = None

    def look(self, batch: SequenceBatch, loader: Any, index: int) -> None:
        """Look at a batch, as the data gave it; arguments as of `NotFinite.named`."""
        if self.found is None and (bad := not_finite(batch)) is not None:
            self.found = bad.named(loader, self.part, index)

    def on_any_rank(self, ranks: int) -> str | None:
        """What the first of `ranks` processes has found, all of which call this; None: none has."""
        everywhere = [self.found]
        if ranks > 1:
            everywhere = [None] * ranks
            dist.all_gather_object(everywhere, self.found)
        return next(filter(None, everywhere), None)


def _first(values: Tensor) -> float:
    values = values.flatten()
    return float(values[~torch.isfinite(values)][0])
