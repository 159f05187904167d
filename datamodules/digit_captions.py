"""DigitCaptions: small photographs of handwritten digits and their English names, spelled."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datamodules import digits
from datamodules.collecting import Batching, Collected, Examples, Findings, Partition
from datamodules.collecting.captions import Captioned, metadata_of, steps_of, tokens_of
from datamodules.texts.tokens import tokens_state


class DigitCaptions(Collected):
    """Spell the digit that an image shows: one-to-many, 1,797 images of 8 x 8 pixels.

    The image, (64,) in [0, 1], is the context; x is BOS and the letters of the name, y the letters and EOS,
    4 to 6 steps, all scored. Always answering the most frequent name is right for 1 image in 10.

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
            lengths=steps_of(names, "characters"),
            fields={"digit": names},
        )

    def examples(self, found: Findings, train: np.ndarray) -> Examples:
        self.alphabet = tokens_of(digits.NAMES, "characters")
        self.captions = metadata_of(self.alphabet, digits.NAMES)
        self.input_size = self.output_size = len(self.alphabet)
        images = partial(_images, torch.from_numpy(digits.load()[0]).flatten(1))  # (N, 64)
        return Captioned(found.fields["digit"], self.alphabet, self.captions, context=images)

    def picture(self, context: Tensor) -> Tensor:
        """(8, 8), the image of one row."""
        return context.view(digits.SIDE, digits.SIDE)

    def remembered(self) -> dict[str, Any]:
        return tokens_state(self.alphabet)


def _images(images: Tensor, numbers: np.ndarray) -> Tensor:
    return images[torch.from_numpy(numbers)]
