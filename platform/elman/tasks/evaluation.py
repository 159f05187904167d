"""One pass over validation or test data: everything that is scored on the way."""

from __future__ import annotations

from torch import Tensor

from elman.batch import SequenceBatch
from elman.tasks.objective import WindowLoss
from elman.tasks.scores import Scores


class Evaluation:
    """Metrics of a stage, each under the name of what it was scored on.

    Args:
        split: val or test.
        objective: what is scored.
        window: steps run at once; None: all of a batch.
        reset_every: also score with a carry that forgets every so many steps.
    """

    def __init__(
        self, split: str, objective: WindowLoss, *, window: int | None, reset_every: int | None = None
    ) -> None:
        self.objective = objective
        self.scores = {split: Scores(window)}
        if reset_every:
            self.scores[f"{split}_reset_{reset_every}"] = Scores(reset_every, forget=True)

    def add(self, batch: SequenceBatch) -> None:
        """Score a batch that follows the one before."""
        for scores in self.scores.values():
            scores.add(self.objective, batch)

    def metrics(self, *, ranks: int, scale: Tensor | None) -> dict[str, float]:
        """All metrics over all ranks.

        Args:
            scale: (O,) what 1 in y stands for, in the data's own units.
        """
        found: dict[str, float] = {}
        for split, scores in self.scores.items():
            means = scores.metrics(self.objective, ranks=ranks, scale=scale)
            found |= {f"{split}/{name}": value for name, value in means.items()}
        return found
