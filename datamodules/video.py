"""Video: videos in files, one class each."""

from __future__ import annotations

import numpy as np

from datamodules.array_sets.unpacked import MOST_MB
from datamodules.collecting import Batching, Classified, Collected, Examples, Findings, Partition
from datamodules.collecting.findings import check_skip
from datamodules.collecting.found_files import find_classes
from datamodules.pictures.clips import Clips
from datamodules.pictures.size import Size


class Video(Collected):
    """What does a video show? Frames in, one class, asked for at the last frame.

    x: (T, height width channels), a frame a step, values in [0, 1]. A video is a folder of pictures in the
    order of the numbers in their names, an array (T, H, W) or (T, H, W, C) in a .npy or .npz file, or a video
    file, for which PyAV must be installed (`pip install elman[video]`).

    Args:
        path: a folder with a folder of videos for each class, perhaps inside folders train, val and test; or
            a CSV or TSV table with the columns path and label, and perhaps part and others such as person.
        folder: that the paths of a table are relative to, inside its own, such as clips; null: its own.
        size: what every frame is stretched to, and its colours.
        every: take every so-many-th frame, from the first on.
        longest: most frames taken of a video; null: all.
        skip_bad: leave out and count videos that cannot be used, at most half or the share that is given.
        most_unpacked_mb: an .npz file may take ten times its own size unpacked, and this many MB more.
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
        folder: str | None = None,
        size: Size = Size(),
        every: int = 1,
        longest: int | None = None,
        skip_bad: bool | float = False,
        most_unpacked_mb: int = MOST_MB,
        split: Partition = Partition(),
        batching: Batching = Batching(),
    ) -> None:
        super().__init__(split=split, batching=batching, unit="frames")
        self.clips = Clips(size=size, every=every, longest=longest, most_unpacked_mb=most_unpacked_mb)
        check_skip(skip_bad)
        self.folder = folder
        self.path, self.skip_bad = path, skip_bad
        self.input_size = size.features

    def find(self) -> Findings:
        return find_classes(
            self.path,
            self.clips,
            steps=self.clips.count,
            skip_bad=self.skip_bad,
            inside=self.folder,
            metadata={},
        )

    def examples(self, found: Findings, train: np.ndarray) -> Examples:
        assert found.labels is not None
        self.output_size = len(found.classes)
        return Classified(self.clips.read, found.files, found.lengths, found.labels)
