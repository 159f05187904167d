"""Samples: raw sound from a pipe, a step a frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from datamodules.live.reader import NEVER, SOURCE, Chunk, Reader
from elman.errors import BadInput

FULL_SCALE = 32768
HEADS = {b"RIFF": "a wav file", b"fLaC": "a flac file", b"OggS": "an ogg file", b"ID3": "an mp3 file"}


class Samples(Reader):
    """16-bit little-endian mono samples; x of frame t is samples [t hop, t hop + frame), in [-1, 1).

    Samples after the last whole frame are not read.

    Args:
        sample_rate_hz: of the training data; the pipe must have it, which cannot be seen.
        frame: samples of a frame.
        hop: samples from a frame's begin to the next one's.
        levels: frames (T, frame) to ids (T,), each of which predicts the next; None: x is the frames.
        outputs: names of what is predicted.

    Raises:
        ValueError: if a number is below 1.
    """

    def __init__(
        self,
        *,
        sample_rate_hz: int,
        frame: int,
        hop: int | None = None,
        levels: Callable[[Tensor], Tensor] | None = None,
        outputs: Sequence[str] = (),
    ) -> None:
        self.sample_rate_hz, self.frame, self.hop = sample_rate_hz, frame, frame if hop is None else hop
        for name, value in {"sample_rate_hz": sample_rate_hz, "frame": frame, "hop": self.hop}.items():
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {name}={value}")
        self.levels, self.predicts_next = levels, levels is not None
        self.outputs = outputs
        self.unit = f"raw sound: 16-bit little-endian mono samples at {sample_rate_hz:,} Hz"

    def chunks(self, pieces: Iterable[bytes], *, reset_on: str = NEVER) -> Iterator[Chunk]:
        waiting, begin, is_head = b"", 0, True  # begin: sample with which `waiting` begins
        skip = 0  # samples between two frames, where hop is longer than a frame
        for piece in pieces:
            waiting += piece
            if is_head and len(waiting) >= 4:
                self._refuse_file(waiting)
                is_head = False
            dropped = min(skip, len(waiting) // 2)
            waiting, begin, skip = waiting[2 * dropped :], begin + dropped, skip - dropped
            count = max(0, (len(waiting) // 2 - self.frame) // self.hop + 1)
            if is_head or skip or not count:
                continue
            used = (count - 1) * self.hop + self.frame
            samples = np.frombuffer(waiting, "<i2", used).astype(np.float32) / FULL_SCALE
            x = torch.from_numpy(samples).unfold(0, self.frame, self.hop)  # (count, frame)
            ends = [(begin + t * self.hop + self.frame) / self.sample_rate_hz for t in range(count)]
            yield Chunk(x if self.levels is None else self.levels(x), {"seconds": ends})
            dropped = min(count * self.hop, len(waiting) // 2)
            skip = count * self.hop - dropped
            waiting, begin = waiting[2 * dropped :], begin + dropped
        if len(waiting) % 2:
            raise BadInput(f"{SOURCE}: ends in half a sample; it must be {self.unit}")

    def _refuse_file(self, head: bytes) -> None:
        for mark, kind in HEADS.items():
            if head.startswith(mark):
                raise BadInput(
                    f"{SOURCE}: is {kind}, but bare samples are needed; turn it into them, for example with "
                    f"`ffmpeg -i FILE -f s16le -ac 1 -ar {self.sample_rate_hz} -`"
                )
