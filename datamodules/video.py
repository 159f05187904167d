"""Video: the user's videos, one class each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from datamodules.collecting.batching import Batching
from datamodules.collecting.collected import Collected
from datamodules.collecting.examples import Example, Examples
from datamodules.collecting.findings import Findings
from datamodules.collecting.partition import Partition
from datamodules.files import digest_of
from datamodules.pictures.clip import Clip
from datamodules.pictures.clips import SUFFIXES, Taking, files_of, open_clip, videos_of
from datamodules.pictures.image_file import Colours
from datamodules.pictures.media import find_media


class Video(Collected):
    """What does a video show? Frames in, one class, asked for at the last frame.

    x: (T, height width channels), a frame a step, values in [0, 1]. A video is a folder of pictures in the
    order of the numbers in their names, an array (T, H, W) or (T, H, W, C) in a .npy or .npz file, or a video
    file, for which PyAV must be installed (`pip install elman[video]`).

    Args:
        path: a folder with a folder of videos for each class, perhaps inside folders train, val and test; or
            a CSV table with the columns path and label, and perhaps part and others such as person.
        height: pixels that every frame is stretched to.
        width: pixels that every frame is stretched to.
        colours: grey or rgb.
        every: take every so-many-th frame, from the first on.
        longest: most frames taken of a video; null: all.
        skip_bad: leave out and count videos that cannot be used.
        split: which videos train, validate and test.
        batching: which videos share a batch.

    Raises:
        ValueError: for a value out of range.

    Cost: before training, the first bytes of every file (of every frame, in folders), and all of them where
        they have at most 256 MiB together. A window decodes its own frames alone, except in video files.
    """

    token_ids = False

    def __init__(
        self,
        *,
        path: str,
        height: int = 32,
        width: int = 32,
        colours: Colours = "grey",
        every: int = 1,
        longest: int | None = None,
        skip_bad: bool = False,
        split: Partition = Partition(),
        batching: Batching = Batching(),
    ) -> None:
        super().__init__(split=split, batching=batching, unit="frames")
        self.taking = Taking(height=height, width=width, colours=colours, every=every, longest=longest)
        self.path, self.skip_bad = path, skip_bad
        self.input_size = self.taking.size.features

    def find(self) -> Findings:
        clips: dict[Path, Clip] = {}

        def look(path: Path) -> None:
            clips[path] = open_clip(path)

        found = find_media(
            self.path, what="videos", units=videos_of, suffixes=SUFFIXES, usable=look, skip_bad=self.skip_bad
        )
        self.clips = [clips[path] for path in found.files]
        digest, of_content = digest_of(files_of(found.files, self.clips), found.root)
        return Findings(
            source=Path(self.path).name,
            digest=digest,
            names=found.names,
            lengths=np.array([len(self.taking.numbers(clip)) for clip in self.clips]),
            classes=found.classes,
            labels=found.numbers(),
            fields=found.fields,
            given=found.given,
            skipped=found.skipped,
            metadata={**self.taking.metadata(), "digest_of": None if of_content else "names and sizes"},
        )

    def examples(self, found: Findings, train: np.ndarray) -> Examples:
        assert found.labels is not None
        self.output_size = len(found.classes)
        return _Labelled(self.clips, found.labels, self.taking, found.lengths)


class _Labelled:
    def __init__(
        self, clips: Sequence[Clip], labels: np.ndarray, taking: Taking, lengths: np.ndarray
    ) -> None:
        self.clips, self.labels, self.taking, self.lengths = clips, labels, taking, lengths

    def window(self, number: int, start: int, stop: int) -> Example:
        x = self.taking.read(self.clips[number], start, stop)
        scored = torch.zeros(len(x), dtype=torch.bool)
        if stop == self.lengths[number]:
            scored[-1:] = True
        return Example(x, torch.full((len(x),), int(self.labels[number])), scored)
