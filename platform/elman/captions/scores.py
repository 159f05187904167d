"""Decoded captions against the true ones: sums over a stage, divided once at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
import torch.distributed as dist
from torch import Tensor

from elman.batch import SequenceBatch
from elman.captions.captioning import captions_of, has_captions, true_captions
from elman.tasks.network import Network
from elman.tree import rows

CAPTION_METRICS = ("exact", "character_error_rate", "word_error_rate")
VALIDATED_CAPTIONS = 1000  # about so many are decoded in a validation; in a test, all


class CaptionScores(pl.Callback):
    """Logs `CAPTION_METRICS` of captions decoded greedily, and in a test of those of a beam search too.

    They are logged when the stage's last batch is scored, before the best checkpoint is chosen.

    Args:
        data: with captions and an alphabet.
        beam_width: hypotheses that the beam search keeps.
    """

    def __init__(self, data: Any, *, beam_width: int = 4) -> None:
        if beam_width < 1:
            raise ValueError(f"beam_width must be at least 1, got beam_width={beam_width}")
        self.data, self.beam_width = data, beam_width
        self.sums: CaptionSums

    def on_validation_epoch_start(self, trainer: pl.Trainer, task: Any) -> None:
        batches = sum(trainer.num_val_batches)
        self.sums = CaptionSums(self.data, {"": 1}, batches=batches, at_most=VALIDATED_CAPTIONS)

    def on_test_epoch_start(self, trainer: pl.Trainer, task: Any) -> None:
        self.sums = CaptionSums(self.data, {"": 1, "beam_": self.beam_width})

    def on_validation_batch_end(
        self, trainer: pl.Trainer, task: Any, outputs: Any, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        self.sums.add(task.network, batch, batch_idx)

    def on_test_batch_end(
        self, trainer: pl.Trainer, task: Any, outputs: Any, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        self.sums.add(task.network, batch, batch_idx)

    def on_validation_epoch_end(self, trainer: pl.Trainer, task: Any) -> None:
        if not trainer.sanity_checking:
            self._log(trainer, task, "val")

    def on_test_epoch_end(self, trainer: pl.Trainer, task: Any) -> None:
        self._log(trainer, task, "test")

    def _log(self, trainer: pl.Trainer, task: Any, split: str) -> None:
        means = self.sums.metrics(task.device, ranks=trainer.world_size)
        task.log_metrics({f"{split}/{name}": value for name, value in means.items()})


def caption_scores(data: Any, *, beam_width: int) -> list[CaptionScores]:
    """The callbacks that score captions, for data that has any."""
    return [CaptionScores(data, beam_width=beam_width)] if has_captions(data) else []


class CaptionSums:
    """Share of captions that are right to the last token, and edits a character and a word.

    Edits are the fewest insertions, deletions and substitutions from the true caption to the decoded one
    (Levenshtein), summed over captions, over all true characters or words. Only rows that hold a whole
    caption count.

    Args:
        data: with captions and an alphabet.
        widths: beginning of the metrics' names -> width of the beam; 1 decodes greedily.
        batches: of the stage, in this process.
        at_most: about how many rows to decode, in batches spread evenly over the stage; None: all.

    Cost: as many steps for each batch decoded as its longest caption has, one after the other.
    """

    def __init__(
        self, data: Any, widths: Mapping[str, int], *, batches: float = 1, at_most: int | None = None
    ) -> None:
        self.data, self.widths = data, dict(widths)
        self.batches, self.at_most = batches, at_most
        self.sums = torch.zeros(len(self.widths), 6, dtype=torch.float64)
        self.every = 0  # set by the first batch

    def add(self, network: Network, batch: SequenceBatch, index: int) -> None:
        """Decode batch `index` of the stage, if it is one of those that are."""
        if not self.every:
            most = self.at_most or float("inf")
            self.every = max(1, int(min(self.batches, 1e9) * len(batch.x) / most))
        if index % self.every:
            return
        found = true_captions(self.data, batch)
        true = [text for text in found if text is not None]
        if not true:
            return
        whole = rows(batch, torch.tensor([row for row, text in enumerate(found) if text is not None]))
        decoded = [captions_of(network, self.data, whole, width=width) for width in self.widths.values()]
        self.sums += torch.stack([caption_errors(texts, true) for texts in decoded])

    def metrics(self, device: torch.device, *, ranks: int) -> dict[str, float]:
        """The metrics over all ranks; none of what nothing was counted for."""
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


def caption_errors(decoded: Sequence[str], true: Sequence[str]) -> Tensor:
    """(6,) float64: exact ones, captions; edits, characters; edits, words. Space divides words."""
    from torchmetrics.text import CharErrorRate, WordErrorRate

    counts = [float(sum(a == b for a, b in zip(decoded, true, strict=True))), float(len(true))]
    for rate in (CharErrorRate(), WordErrorRate()):
        rate.update(list(decoded), list(true))
        counts += [float(rate.errors), float(rate.total)]
    return torch.tensor(counts, dtype=torch.float64)
