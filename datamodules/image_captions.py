"""ImageCaptions: the user's pictures and what they show, in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from datamodules.collecting.batching import Batching
from datamodules.collecting.caption_table import Captioned, by_path, read_captions, steps_of
from datamodules.collecting.captions import CaptionMetadata, Unit, metadata_of, symbols_of
from datamodules.collecting.collected import Collected
from datamodules.collecting.examples import Examples
from datamodules.collecting.findings import Findings
from datamodules.collecting.partition import Partition
from datamodules.files import digest_of
from datamodules.pictures.image_file import CHANNELS, Colours, check_image, read_image
from datamodules.sequence_data import check_counts
from datamodules.texts.tokens import tokens_from, tokens_state


class ImageCaptions(Collected):
    """Say what a picture shows: one-to-many.

    The picture, (height width channels,) in [0, 1], is the context; x is a start and the caption, y the
    caption and an end, all steps scored. Words or characters that training does not have are one unknown
    symbol.

    Args:
        path: a CSV table with the columns path and caption, and perhaps part and others. A picture may have
            several captions; all are in one part.
        height: pixels that every picture is stretched to.
        width: pixels that every picture is stretched to.
        colours: grey or rgb.
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
        height: int = 32,
        width: int = 32,
        colours: Colours = "grey",
        unit: Unit = "words",
        skip_bad: bool = False,
        split: Partition = Partition(),
        batching: Batching = Batching(),
    ) -> None:
        super().__init__(split=by_path(split), batching=batching, unit=unit)
        check_counts(1, height=height, width=width)
        if colours not in CHANNELS:
            raise ValueError(f"colours must be grey or rgb, got {colours!r}")
        if unit not in ("words", "characters"):
            raise ValueError(f"unit must be words or characters, got {unit!r}")
        self.path, self.skip_bad, self.caption_unit = path, skip_bad, unit
        self.height, self.width, self.colours = height, width, colours
        self.context_size = height * width * CHANNELS[colours]

    def find(self) -> Findings:
        table = read_captions(
            self.path, usable=self._pixels if self.skip_bad else check_image, skip_bad=self.skip_bad
        )
        digest, of_content = digest_of([*dict.fromkeys(table.paths), Path(self.path).resolve()], table.root)
        self.paths = table.paths
        return Findings(
            source=Path(self.path).name,
            digest=digest,
            names=table.names,
            lengths=steps_of(table.captions, self.caption_unit),
            fields=table.fields,
            given=table.given,
            skipped=table.skipped,
            metadata={
                "height": self.height,
                "width": self.width,
                "colours": self.colours,
                "unit": self.caption_unit,
                "digest_of": None if of_content else "names and sizes",
            },
        )

    def examples(self, found: Findings, train: np.ndarray) -> Examples:
        captions = found.fields["caption"]
        learned = [captions[number] for number in train]
        self.alphabet = tokens_from(self.saved) or symbols_of(learned, self.caption_unit)
        saved = self.saved.get("captions")
        self.captions = CaptionMetadata(*saved) if saved else metadata_of(self.alphabet, learned)
        self.input_size = self.output_size = len(self.alphabet)
        return Captioned(self._context, [self.alphabet.encode(text) for text in captions], self.captions)

    def picture(self, context: torch.Tensor) -> torch.Tensor:
        """(height, width) or (height, width, 3), the picture of one row."""
        return context.view(self.height, self.width, -1).squeeze(2)

    def remembered(self) -> dict[str, Any]:
        return {**tokens_state(self.alphabet), "captions": tuple(self.captions)}

    def _context(self, number: int) -> torch.Tensor:
        return torch.from_numpy(self._pixels(self.paths[number])).flatten()

    def _pixels(self, file: Path) -> np.ndarray:
        return read_image(file, height=self.height, width=self.width, colours=self.colours)
