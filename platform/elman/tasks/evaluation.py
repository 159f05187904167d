"""One pass over validation or test data: everything that is scored on the way."""

from __future__ import annotations

from math import isfinite

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
        unknown_share: of the targets; the metrics are given with it where it is a thousandth or more.
    """

    def __init__(
        self,
        split: str,
        objective: WindowLoss,
        *,
        window: int | None,
        reset_every: int | None = None,
        unknown_share: float = 0.0,
    ) -> None:
        self.objective = objective
        self.bad_data = BadData({"val": "validation"}.get(split, split))
        self.unknown = {f"{split}/unknown_share": unknown_share} if unknown_share >= LEAST_UNKNOWN else {}
        self.scores = {split: Scores(window)}
        if reset_every:
            self.scores[f"{split}_reset_{reset_every}"] = Scores(reset_every, forget=True)

    def add(self, batch: SequenceBatch) -> bool:
        """Score a batch that follows the one before; False if sums are not finite (any more)."""
        for scores in self.scores.values():
            scores.add(self.objective, batch)
        return all(isfinite(scores.loss) for scores in self.scores.values())

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
        broken = next((name for name, value in found.items() if not isfinite(value)), None)
        if broken and (where := self.bad_data.on_any_rank(ranks)):
            raise BadInput(f"{broken} is {found[broken]}: {where}")
        return found | (self.unknown if found else {})
