"""One pass over validation or test data: everything that is scored on the way."""

from __future__ import annotations

import torch
from torch import Tensor

from elman.batch import SequenceBatch
from elman.captions.captioning import CaptionNetwork
from elman.captions.scores import CaptionScores
from elman.tasks.objective import WindowLoss
from elman.tasks.scores import Scores

VALIDATED_CAPTIONS = 1000  # about so many are decoded in a validation; in a test, all


class Evaluation:
    """Figures of a stage, each under the name of what it was scored on.

    Args:
        split: val or test.
        window: steps run at once; None: all of a batch.
        reset_every: also score with a carry that forgets every so many steps.
        captions: scores of decoded captions, where the data has any.
    """

    def __init__(
        self, split: str, *, window: int | None, reset_every: int | None, captions: CaptionScores | None
    ) -> None:
        self.split, self.captions = split, captions
        self.scores = {split: Scores(window)}
        if reset_every:
            self.scores[f"{split}_reset_{reset_every}"] = Scores(reset_every, forget=True)

    def add(self, network: CaptionNetwork, objective: WindowLoss, batch: SequenceBatch, index: int) -> None:
        """Score batch `index`, which follows the one before."""
        for scores in self.scores.values():
            scores.add(objective, batch)
        if self.captions is not None:
            self.captions.add(network, batch, index)

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
        if self.captions is not None:
            said = self.captions.figures(device, ranks=ranks)
            found |= {f"{self.split}/{name}": value for name, value in said.items()}
        return found
