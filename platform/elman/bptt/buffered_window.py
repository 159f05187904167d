"""Steps of earlier batches followed by a batch, cut by one clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from elman.batch import SequenceBatch
from elman.bptt.strategy import Objective
from elman.tree import Carry


class BufferedWindow:
    """The steps a strategy kept from earlier batches, and the batch that follows them.

    Step 0 is the batch's first step; kept steps count backwards from -1. A window that reaches
    over a batch border comes as pieces that meet there.

    Args:
        past: kept pieces, oldest first, each the fields of a `SequenceBatch`.
        batch: the steps that follow.
    """

    def __init__(self, past: Sequence[Any], batch: SequenceBatch) -> None:
        self.pieces = [SequenceBatch(*piece) for piece in past]
        for piece in self.pieces:
            if len(piece.lengths) != len(batch.lengths):
                raise ValueError(
                    f"the strategy's state holds {len(piece.lengths)} rows but the batch holds "
                    f"{len(batch.lengths)}; rows of a stream must stay, or the batch before must be is_last"
                )
        self.first = -sum(piece.steps for piece in self.pieces)
        self.stop = batch.steps
        self.pieces.append(batch)

    def between(self, start: int, stop: int, *, score_from: int | None = None) -> list[SequenceBatch]:
        """Steps [start, stop), one piece for every batch they touch; steps before `score_from` unscored."""
        if start >= stop:
            return []
        pieces, begin = [], self.first
        for piece in self.pieces:
            a, b = max(start - begin, 0), min(stop - begin, piece.steps)
            if a < b:
                unscored = None if score_from is None else min(score_from - begin, b)
                pieces.append(piece.window(a, b, score_from=unscored))
            begin += piece.steps
        return pieces


def run(objective: Objective, pieces: Sequence[SequenceBatch], carry: Carry) -> tuple[Any, Carry]:
    """The objective over consecutive pieces: their summed loss (None for no pieces) and the last carry."""
    total: Any = None
    for piece in pieces:
        loss, carry = objective(piece, carry)
        total = loss if total is None else total + loss
    return total, carry
