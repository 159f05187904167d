"""Images: pictures in files, read at once or as sequences."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from torch import Tensor

from datamodules.collecting import Batching, Classified, Collected, Examples, Findings, Partition
from datamodules.collecting.findings import check_skip
from datamodules.collecting.found_files import find_classes
from datamodules.pictures.pixel_steps import Reading, as_steps, shape_of
from datamodules.pictures.size import Size
from datamodules.pictures.stills import Stills


class Images(Collected):
    """What does a picture show? One class a picture, asked for at the last step.

    x, for pictures of height H, width W and C channels: "whole" (1, H W C), one-to-one; "rows" (H, W C), from
    the top; "columns" (W, H C), from the left; "pixels" (H W, C), row by row; "permuted" (H W, C), in one
    random order, the same for all. Values lie in [0, 1].

    Args:
        path: a folder with a folder of pictures for each class, perhaps inside folders train, val and test;
            or a CSV or TSV table with the columns path and label, and perhaps part and others such as person.
        folder: that the paths of a table are relative to, inside its own, such as clips; null: its own.
        size: what every picture is stretched to, and its colours.
        reading: whole, rows, columns, pixels or permuted.
        skip_bad: leave out and count pictures that cannot be used, at most half or the share that is given;
            all are then decoded before training.
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
        folder: str | None = None,
        size: Size = Size(height=28, width=28),
        reading: Reading = "rows",
        skip_bad: bool | float = False,
        split: Partition = Partition(),
        batching: Batching = Batching(),
    ) -> None:
        super().__init__(split=split, batching=batching, unit="steps")
        self.steps, self.input_size = shape_of(reading, *size.shape)
        self.stills = Stills(size, decode=bool(skip_bad))
        check_skip(skip_bad)
        self.folder = folder
        self.path, self.reading, self.skip_bad = path, reading, skip_bad

    def find(self) -> Findings:
        metadata = {"reading": self.reading}
        return find_classes(
            self.path,
            self.stills,
            steps=lambda _: self.steps,
            skip_bad=self.skip_bad,
            inside=self.folder,
            metadata=metadata,
        )

    def examples(self, found: Findings, train: np.ndarray) -> Examples:
        assert found.labels is not None
        self.output_size = len(found.classes)
        read = partial(_steps, self.stills, self.reading)
        return Classified(read, found.files, found.lengths, found.labels)


def _steps(stills: Stills, reading: Reading, file: Path, start: int, stop: int) -> Tensor:
    return as_steps(stills.read(file)[None], reading)[0, start:stop]
