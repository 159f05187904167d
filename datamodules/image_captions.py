"""ImageCaptions: pictures in files and what they show, in words."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from datamodules.collecting import Batching, Collected, Examples, Findings, Partition
from datamodules.collecting.caption_table import find_captions
from datamodules.collecting.captions import Captioned, Unit, by_path, check_unit, learned, read_each
from datamodules.pictures.size import Size
from datamodules.pictures.stills import Stills
from datamodules.texts.tokens import tokens_state


class ImageCaptions(Collected):
    """Describe a picture: one-to-many.

    The picture, (height width channels,) in [0, 1], is the context; x is BOS and the caption, y the caption
    and EOS, all steps scored. Words or characters that training does not have are one unknown token id.

    Args:
        path: a CSV table with the columns path and caption, and perhaps part and others. A picture may have
            several captions; all are in one part.
        size: what every picture is stretched to, and its colours.
        unit: a step of a caption is one of its words or characters.
        skip_bad: leave out and count pictures that cannot be used; all are then decoded before training.
        split: which pictures train, validate and test.
        batching: which captions share a batch.

    Raises:
        ValueError: for a value out of range.
    """

    token_ids = True

    def __init__(
        self,
        *,
        path: str,
        size: Size = Size(),
        unit: Unit = "words",
        skip_bad: bool = False,
        split: Partition = Partition(),
        batching: Batching = Batching(),
    ) -> None:
        check_unit(unit)
        super().__init__(split=by_path(split), batching=batching, unit=unit)
        self.stills = Stills(size, decode=skip_bad)
        self.path, self.caption_unit, self.skip_bad = path, unit, skip_bad
        self.context_size = size.features

    def find(self) -> Findings:
        return find_captions(self.path, self.stills, unit=self.caption_unit, skip_bad=self.skip_bad)

    def examples(self, found: Findings, train: np.ndarray) -> Examples:
        captions = found.fields["caption"]
        self.alphabet, self.captions = learned(captions, train, unit=self.caption_unit, saved=self.saved)
        self.input_size = self.output_size = len(self.alphabet)
        pictures = read_each(lambda number: self.stills.read(found.files[number]).flatten())
        return Captioned(captions, self.alphabet, self.captions, context=pictures)

    def picture(self, context: Tensor) -> Tensor:
        """(height, width) or (height, width, 3), the picture of one row."""
        return context.view(self.stills.size.shape).squeeze(2)

    def remembered(self) -> dict[str, Any]:
        return {**tokens_state(self.alphabet), "captions": tuple(self.captions)}
