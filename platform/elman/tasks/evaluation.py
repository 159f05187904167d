"""One pass over validation or test data: everything that is scored on the way."""

from __future__ import annotations

from math import isfinite
from typing import Any

from torch import Tensor

from elman.batch import SequenceBatch
from elman.errors import BadInput
from elman.tasks.not_finite import BadData
from elman.tasks.objective import WindowLoss
from elman.tasks.scores import Scores

LEAST_UNKNOWN = 0.001
"""Share of unknown targets from which on the metrics are given with it."""


class Evaluation:
    """Metrics of a stage, each under the name of what it was scored on.

    Args:
        split: val or test.
        objective: what is scored.
        window: steps run at once; None: all of a batch.
        reset_every: also score with a carry that forgets every so many steps.
        loader: whose batches these are; may have `unknown_share`, of the targets, with which the metrics are
            given where it is a thousandth or more, `names`, and `suffix`, of the sort of a batch's sequences.
    """

    def __init__(
        self,
        split: str,
        objective: WindowLoss,
        loader: Any = None,
        *,
        window: int | None,
        reset_every: int | None = None,
    ) -> None:
        self.objective, self.loader = objective, loader
        share = float(getattr(loader, "unknown_share", 0.0))
        self.bad_data = BadData({"val": "validation"}.get(split, split))
        self.unknown = {f"{split}/unknown_share": share} if share >= LEAST_UNKNOWN else {}
        self.split = split
        self.suffix = getattr(loader, "suffix", None)
        self.of_sort: dict[str, Scores] = {}
        self.scores = {split: Scores(window)}
        if reset_every:
            self.scores[f"{split}_reset_{reset_every}"] = Scores(reset_every, forget=True)

    def add(self, batch: SequenceBatch, *, given: SequenceBatch | None = None, index: int = 0) -> None:
        """Score a batch that follows the one before.

        Args:
            given: the batch as the data gave it, to be looked at where sums are not finite; None: `batch`.
            index: its number, from 0.
        """
        sort = None if self.suffix is None else self.of_sort.setdefault(self.suffix(index), Scores(None))
        for split, scores in self.scores.items():
            scores.add(self.objective, batch, also=sort if split == self.split else None)
        if not all(isfinite(scores.loss) for scores in self.scores.values()):
            self.bad_data.look(given or batch, self.loader, index)

    def metrics(self, *, ranks: int, scale: Tensor | None) -> dict[str, float]:
        """All metrics over all ranks.

        Args:
            scale: (O,) what 1 in y stands for, in the data's own units.

        Raises:
            BadInput: if data has made one of them what is no number, as it would every time.
        """
        found: dict[str, float] = {}
        for split, scores in self.scores.items():
            means = scores.metrics(self.objective, ranks=ranks, scale=scale)
            found |= {f"{split}/{name}": value for name, value in means.items()}
        for suffix, scores in self.of_sort.items():
            means = scores.metrics(self.objective, ranks=ranks, scale=scale)
            found |= {f"{self.split}/{name}{suffix}": value for name, value in means.items()}
        broken = next((name for name, value in found.items() if not isfinite(value)), None)
        if broken and (where := self.bad_data.on_any_rank(ranks)):
            raise BadInput(f"{broken} is {found[broken]}: {where}")
        return found | (self.unknown if found else {})
