"""Decoded captions against the true ones: sums over a stage, divided once at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.distributed as dist
from torch import Tensor
from torchmetrics.text import CharErrorRate, WordErrorRate

from elman.batch import SequenceBatch
from elman.captions.captioning import CaptionNetwork, captions_of, true_captions
from elman.tree import rows

CAPTION_METRICS = ("exact", "character_error_rate", "word_error_rate")


class CaptionScores:
    """Share of captions that are right to the last symbol, and edits a character and a word.

    Edits are the fewest insertions, deletions and substitutions from the true caption to the decoded one
    (Levenshtein), summed over captions, over all true characters or words. Only rows that hold a whole
    caption count.

    Args:
        widths: a beginning of the figures' names -> width of the beam; 1 decodes greedily.
        batches: of the stage, in this process.
        at_most: about how many rows to decode, in batches spread evenly over the stage; None: all.

    Cost: as many steps for each batch decoded as its longest caption has, one after the other.
    """

    def __init__(self, widths: Mapping[str, int], *, batches: float = 1, at_most: int | None = None) -> None:
        self.widths, self.batches, self.at_most = dict(widths), batches, at_most
        self.sums = torch.zeros(len(self.widths), 6, dtype=torch.float64)
        self.every = 0  # set by the first batch

    def add(self, task: CaptionNetwork, batch: SequenceBatch, index: int) -> None:
        """Decode batch `index` of the stage, if it is one of those that are."""
        if not self.every:
            room = self.at_most or float("inf")
            self.every = max(1, int(min(self.batches, 1e9) * len(batch.x) / room))
        if index % self.every:
            return
        found = true_captions(task, batch)
        true = [text for text in found if text is not None]
        if not true:
            return
        whole = rows(batch, torch.tensor([row for row, text in enumerate(found) if text is not None]))
        said = [captions_of(task, whole, width=width) for width in self.widths.values()]
        self.sums += torch.stack([caption_errors(texts, true) for texts in said])

    def figures(self, device: torch.device, *, ranks: int) -> dict[str, float]:
        """The figures over all ranks; none of what nothing was counted for."""
        sums = self.sums
        if ranks > 1:
            sums = sums.to(device)
            dist.all_reduce(sums)
        found = {}
        for name, of in zip(self.widths, sums.tolist(), strict=True):
            for quantity, part, whole in zip(CAPTION_METRICS, of[::2], of[1::2], strict=True):
                if whole:
                    found[f"{name}{quantity}"] = part / whole
        return found


def caption_errors(said: Sequence[str], true: Sequence[str]) -> Tensor:
    """(6,) float64: exact ones, captions; edits, characters; edits, words. Space divides words."""
    counts = [float(sum(a == b for a, b in zip(said, true, strict=True))), float(len(true))]
    for rate in (CharErrorRate(), WordErrorRate()):
        rate.update(list(said), list(true))
        counts += [float(rate.errors), float(rate.total)]
    return torch.tensor(counts, dtype=torch.float64)
