"""VideoCaptions: videos in files and what they show, in words."""

from __future__ import annotations

from torch import Tensor

from datamodules.array_sets.unpacked import MOST_MB
from datamodules.collecting import Batching, Partition
from datamodules.collecting.captions import Unit
from datamodules.collecting.file_captions import FileCaptions
from datamodules.pictures.clips import Clips
from datamodules.pictures.film_strip import film_strip
from datamodules.pictures.size import Size


class VideoCaptions(FileCaptions):
    """Describe a video: many-to-many, unaligned.

    The context is the frames (S, height width channels), values in [0, 1], and their count (); x and y are
    those of `ImageCaptions`.

    Args:
        path: a CSV table as `ImageCaptions` has it, whose paths name videos as `Video` has them.
        folder: that paths are relative to, inside the table's own, such as images; null: its own.
        size: what every frame is stretched to, and its colours.
        every: take every so-many-th frame, from the first on.
        longest: most frames taken of a video; null: all.
        unit: a step of a caption is one of its words or characters.
        skip_bad: leave out and count videos that cannot be used, at most half or the share that is given.
        most_unpacked_mb: an .npz file may take ten times its own size unpacked, and this many MB more.
        split: which videos train, validate and test.
        batching: which captions share a batch.

    Raises:
        ValueError: for a value out of range.
    """

    def __init__(
        self,
        *,
        path: str,
        folder: str | None = None,
        size: Size = Size(),
        every: int = 1,
        longest: int | None = None,
        unit: Unit = "words",
        skip_bad: bool | float = False,
        most_unpacked_mb: int = MOST_MB,
        split: Partition = Partition(),
        batching: Batching = Batching(),
    ) -> None:
        medium = Clips(size=size, every=every, longest=longest, most_unpacked_mb=most_unpacked_mb)
        super().__init__(
            path=path,
            medium=medium,
            unit=unit,
            skip_bad=skip_bad,
            split=split,
            batching=batching,
            folder=folder,
        )

    def picture(self, context: tuple[Tensor, Tensor]) -> Tensor:
        """Some frames of one row side by side."""
        return film_strip(context[0][: int(context[1])].reshape(-1, *self.medium.size.shape))
