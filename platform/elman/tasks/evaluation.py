"""One pass over validation or test data: everything that is scored on the way."""

from __future__ import annotations

import torch
from torch import Tensor

from elman.batch import SequenceBatch
from elman.tasks.objective import WindowLoss
from elman.tasks.scores import Scores


class Evaluation:
    """Figures of a stage, each under the name of what it was scored on.

    Args:
        split: val or test.
        window: steps run at once; None: all of a batch.
        reset_every: also score with a carry that forgets every so many steps.
    """

    def __init__(self, split: str, *, window: int | None, reset_every: int | None) -> None:
        self.scores = {split: Scores(window)}
        if reset_every:
            self.scores[f"{split}_reset_{reset_every}"] = Scores(reset_every, forget=True)

    def add(self, objective: WindowLoss, batch: SequenceBatch) -> None:
        """Score a batch that follows the one before."""
        for scores in self.scores.values():
            scores.add(objective, batch)

    def figures(
        self,
        objective: WindowLoss,
        device: torch.device,
        *,
        ranks: int,
        output_size: int,
        scale: Tensor | None,
    ) -> dict[str, float]:
        """All figures over all ranks; the arguments are those of `Scores.figures`."""
        found: dict[str, float] = {}
        for split, scores in self.scores.items():
            means = scores.figures(objective.loss, device, ranks=ranks, output_size=output_size, scale=scale)
            found |= {f"{split}/{name}": value for name, value in means.items()}
        return found
