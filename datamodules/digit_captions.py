"""DigitCaptions: small photographs of handwritten digits and their English names, spelled."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datamodules import digits
from datamodules.collecting.batching import Batching
from datamodules.collecting.captions import captioned, metadata_of, symbols_of
from datamodules.collecting.collected import Collected
from datamodules.collecting.examples import Example, Examples, collate
from datamodules.collecting.findings import Findings
from datamodules.collecting.partition import Partition
from datamodules.texts.tokens import tokens_state
from elman.batch import SequenceBatch


class DigitCaptions(Collected):
    """Spell the digit that an image shows: one-to-many, 1,797 images of 8 x 8 pixels.

    The image, (64,) in [0, 1], is the context; x is a start and the letters of the name, y the letters and an
    end, 4 to 6 steps, all scored. Always saying the most frequent name is right for 1 image in 10.

    Args:
        split: which images train, validate and test.
        batching: which images share a batch.

    Source: scikit-learn's `load_digits`, from E. Alpaydin and C. Kaynak (1998), Optical Recognition of
        Handwritten Digits, UCI repository, its test part.
    """

    token_ids = True
    context_size = digits.SIDE**2

    def __init__(
        self,
        *,
        split: Partition = Partition(shares=(0.67, 0.165, 0.165)),
        batching: Batching = Batching(batch_size=32),
    ) -> None:
        super().__init__(split=split, batching=batching, unit="letters")

    def find(self) -> Findings:
        images, labels = digits.load()
        names = [digits.NAMES[label] for label in labels]
        return Findings(
            source="scikit-learn digits and their names",
            digest=hashlib.sha256(images.tobytes() + " ".join(names).encode()).hexdigest(),
            names=[f"image {number}" for number in range(len(labels))],
            lengths=np.array([len(name) + 1 for name in names]),
            fields={"digit": names},
        )

    def examples(self, found: Findings, train: np.ndarray) -> Examples:
        names = found.fields["digit"]
        self.alphabet = symbols_of(digits.NAMES, "characters")
        self.captions = metadata_of(self.alphabet, digits.NAMES)
        self.input_size = self.output_size = len(self.alphabet)
        images = torch.from_numpy(digits.load()[0]).flatten(1)  # (N, 64)
        return _Named(images, [captioned(self.alphabet.encode(name), self.captions) for name in names])

    def picture(self, context: Tensor) -> Tensor:
        """(8, 8), the image of one row."""
        return context.view(digits.SIDE, digits.SIDE)

    def remembered(self) -> dict[str, Any]:
        return tokens_state(self.alphabet)


class _Named:
    """Images and their captions; all captions lie in one batch, padded to the longest.

    Args:
        images: (N, 64).
        said: the caption of each.
    """

    def __init__(self, images: Tensor, said: list[Example]) -> None:
        self.images, self.said = images, collate(said)
        self.lengths = self.said.lengths.numpy()

    def window(self, number: int, start: int, stop: int) -> Example:
        batch = self.batch(np.array([number]))
        assert batch.y is not None
        return Example(batch.x[0], batch.y[0], batch.scored[0], self.images[number]).window(start, stop)

    def batch(self, numbers: np.ndarray) -> SequenceBatch:
        rows = torch.from_numpy(numbers)
        lengths = self.said.lengths[rows]
        steps = int(lengths.max())
        assert self.said.y is not None
        return SequenceBatch(
            x=self.said.x[:, :steps][rows],
            y=self.said.y[:, :steps][rows],
            scored=self.said.scored[:, :steps][rows],
            lengths=lengths,
            is_first=self.said.is_first[rows],
            context=self.images[rows],
        )
