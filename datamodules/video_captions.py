"""VideoCaptions: videos in files and what they show, in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datamodules.collecting import Batching, Collected, Examples, Findings, Partition
from datamodules.collecting.caption_table import find_captions
from datamodules.collecting.captions import Captioned, Unit, by_path, check_unit, learned, read_each
from datamodules.pictures.clips import Clips
from datamodules.pictures.film_strip import film_strip
from datamodules.pictures.size import Size
from datamodules.texts.tokens import tokens_state


class VideoCaptions(Collected):
    """Describe a video: many-to-many, unaligned.

    The context is the frames (S, height width channels), values in [0, 1], and their count (); x and y are
    those of `ImageCaptions`.

    Args:
        path: a CSV table with the columns path and caption, and perhaps part and others; paths name videos as
            `Video` has them. A video may have several captions; all are in one part.
        size: what every frame is stretched to, and its colours.
        every: take every so-many-th frame, from the first on.
        longest: most frames taken of a video; null: all.
        unit: a step of a caption is one of its words or characters.
        skip_bad: leave out and count videos that cannot be used.
        split: which videos train, validate and test.
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
        every: int = 1,
        longest: int | None = None,
        unit: Unit = "words",
        skip_bad: bool = False,
        split: Partition = Partition(),
        batching: Batching = Batching(),
    ) -> None:
        check_unit(unit)
        super().__init__(split=by_path(split), batching=batching, unit=unit)
        self.clips = Clips(size=size, every=every, longest=longest)
        self.path, self.caption_unit, self.skip_bad = path, unit, skip_bad
        self.context_size = size.features

    def find(self) -> Findings:
        return find_captions(self.path, self.clips, unit=self.caption_unit, skip_bad=self.skip_bad)

    def examples(self, found: Findings, train: np.ndarray) -> Examples:
        captions = found.fields["caption"]
        self.alphabet, self.captions = learned(captions, train, unit=self.caption_unit, saved=self.saved)
        self.input_size = self.output_size = len(self.alphabet)
        videos = read_each(lambda number: self._frames(found.files[number]))
        return Captioned(captions, self.alphabet, self.captions, context=videos)

    def picture(self, context: tuple[Tensor, Tensor]) -> Tensor:
        """Some frames of one row side by side."""
        return film_strip(context[0][: int(context[1])].reshape(-1, *self.clips.size.shape))

    def remembered(self) -> dict[str, Any]:
        return {**tokens_state(self.alphabet), "captions": tuple(self.captions)}

    def _frames(self, path: Path) -> tuple[Tensor, Tensor]:
        frames = self.clips.read(path)
        return frames, torch.tensor(len(frames))
