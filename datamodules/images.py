"""Images: the user's pictures, read at once or as sequences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from datamodules.collecting.batching import Batching
from datamodules.collecting.collected import Collected
from datamodules.collecting.examples import Example, Examples, many_to_one
from datamodules.collecting.findings import Findings
from datamodules.collecting.partition import Partition
from datamodules.files import digest_of
from datamodules.pictures.image_file import CHANNELS, SUFFIXES, Colours, check_image, read_image
from datamodules.pictures.media import find_media
from datamodules.sequence_data import check_counts

Reading = Literal["whole", "rows", "columns", "pixels"]


class Images(Collected):
    """What does a picture show? One class a picture, asked for at the last step.

    x, for pictures of height H, width W and C channels: "whole" (1, H W C), one-to-one; "rows" (H, W C), from
    the top; "columns" (W, H C), from the left; "pixels" (H W, C), row by row. Values lie in [0, 1].

    Args:
        path: a folder with a folder of pictures for each class, perhaps inside folders train, val and test;
            or a CSV table with the columns path and label, and perhaps part and others such as person.
        height: pixels that every picture is stretched to.
        width: pixels that every picture is stretched to.
        colours: grey or rgb.
        reading: whole, rows, columns or pixels.
        skip_bad: leave out and count pictures that cannot be used; all are then decoded before training.
        split: which pictures train, validate and test.
        batching: which pictures share a batch.

    Raises:
        ValueError: for a value out of range.

    Cost: before training, the first bytes of every file, and all of them where they have at most 256 MiB
        together; a picture is decoded each time it is read.
    """

    token_ids = False

    def __init__(
        self,
        *,
        path: str,
        height: int = 28,
        width: int = 28,
        colours: Colours = "grey",
        reading: Reading = "rows",
        skip_bad: bool = False,
        split: Partition = Partition(),
        batching: Batching = Batching(),
    ) -> None:
        super().__init__(split=split, batching=batching, unit="steps")
        check_counts(1, height=height, width=width)
        if colours not in CHANNELS:
            raise ValueError(f"colours must be grey or rgb, got {colours!r}")
        size, channels = height * width, CHANNELS[colours]
        shapes = {
            "whole": (1, size * channels),
            "rows": (height, width * channels),
            "columns": (width, height * channels),
            "pixels": (size, channels),
        }
        if reading not in shapes:
            raise ValueError(f"reading must be one of {', '.join(shapes)}, got {reading!r}")
        self.path, self.skip_bad = path, skip_bad
        self.height, self.width, self.colours, self.reading = height, width, colours, reading
        self.steps, self.input_size = shapes[reading]

    def find(self) -> Findings:
        found = find_media(
            self.path,
            what="images",
            units=list,
            suffixes=SUFFIXES,
            usable=self._pixels if self.skip_bad else check_image,
            skip_bad=self.skip_bad,
        )
        digest, of_content = digest_of(found.files, found.root)
        self.files = found.files
        return Findings(
            source=Path(self.path).name,
            digest=digest,
            names=found.names,
            lengths=np.full(len(found.names), self.steps),
            classes=found.classes,
            labels=found.numbers(),
            fields=found.fields,
            given=found.given,
            skipped=found.skipped,
            metadata={
                "reading": self.reading,
                "height": self.height,
                "width": self.width,
                "colours": self.colours,
                "digest_of": None if of_content else "names and sizes",
            },
        )

    def examples(self, found: Findings, train: np.ndarray) -> Examples:
        assert found.labels is not None
        self.output_size = len(found.classes)
        return _Pictures(self, self.files, found.labels)

    def steps_of(self, file: Path) -> torch.Tensor:
        """One picture as x, (T, F)."""
        pixels = self._pixels(file)  # (H, W, C)
        if self.reading == "columns":
            pixels = pixels.swapaxes(0, 1)
        return torch.from_numpy(np.ascontiguousarray(pixels)).reshape(self.steps, self.input_size)

    def _pixels(self, file: Path) -> np.ndarray:
        return read_image(file, height=self.height, width=self.width, colours=self.colours)


class _Pictures:
    def __init__(self, data: Images, files: Sequence[Path], labels: np.ndarray) -> None:
        self.data, self.files, self.labels = data, files, labels
        self.lengths = np.full(len(files), data.steps)

    def window(self, number: int, start: int, stop: int) -> Example:
        x = self.data.steps_of(self.files[number])
        return many_to_one(x, int(self.labels[number])).window(start, stop)
