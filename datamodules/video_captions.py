"""VideoCaptions: the user's videos and what they show, in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datamodules.collecting.batching import Batching
from datamodules.collecting.caption_table import Captioned, by_path, read_captions, steps_of
from datamodules.collecting.captions import CaptionMetadata, Unit, metadata_of, symbols_of
from datamodules.collecting.collected import Collected
from datamodules.collecting.examples import Examples
from datamodules.collecting.findings import Findings
from datamodules.collecting.partition import Partition
from datamodules.files import digest_of
from datamodules.pictures.clip import Clip
from datamodules.pictures.clips import Taking, files_of, open_clip
from datamodules.pictures.film_strip import film_strip
from datamodules.pictures.image_file import Colours
from datamodules.texts.tokens import tokens_from, tokens_state


class VideoCaptions(Collected):
    """Say what a video shows: many-to-many, unaligned.

    The context is the frames (S, height width channels), values in [0, 1], and their count (); x is a start
    and the caption, y the caption and an end, all steps scored. Words or characters that training does not
    have are one unknown symbol.

    Args:
        path: a CSV table with the columns path and caption, and perhaps part and others; paths name videos as
            `datamodules.video.Video` has them. A video may have several captions; all are in one part.
        height: pixels that every frame is stretched to.
        width: pixels that every frame is stretched to.
        colours: grey or rgb.
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
        height: int = 32,
        width: int = 32,
        colours: Colours = "grey",
        every: int = 1,
        longest: int | None = None,
        unit: Unit = "words",
        skip_bad: bool = False,
        split: Partition = Partition(),
        batching: Batching = Batching(),
    ) -> None:
        super().__init__(split=by_path(split), batching=batching, unit=unit)
        self.taking = Taking(height=height, width=width, colours=colours, every=every, longest=longest)
        if unit not in ("words", "characters"):
            raise ValueError(f"unit must be words or characters, got {unit!r}")
        self.path, self.skip_bad, self.caption_unit = path, skip_bad, unit
        self.context_size = self.taking.size.features

    def find(self) -> Findings:
        clips: dict[Path, Clip] = {}

        def look(path: Path) -> None:
            if path not in clips:
                clips[path] = open_clip(path)

        table = read_captions(self.path, usable=look, skip_bad=self.skip_bad)
        paths = list(dict.fromkeys(table.paths))
        files = files_of(paths, [clips[path] for path in paths])
        digest, of_content = digest_of([*files, Path(self.path).resolve()], table.root)
        self.clips = [clips[path] for path in table.paths]
        return Findings(
            source=Path(self.path).name,
            digest=digest,
            names=table.names,
            lengths=steps_of(table.captions, self.caption_unit),
            fields=table.fields,
            given=table.given,
            skipped=table.skipped,
            metadata={
                **self.taking.metadata(),
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

    def picture(self, context: tuple[Tensor, Tensor]) -> Tensor:
        """Some frames of one row side by side."""
        size = self.taking.size
        frames = context[0][: int(context[1])]
        return film_strip(frames.reshape(-1, size.height, size.width, size.channels))

    def remembered(self) -> dict[str, Any]:
        return {**tokens_state(self.alphabet), "captions": tuple(self.captions)}

    def _context(self, number: int) -> tuple[Tensor, Tensor]:
        clip = self.clips[number]
        frames = self.taking.read(clip, 0, len(self.taking.numbers(clip)))
        return frames, torch.tensor(len(frames))
