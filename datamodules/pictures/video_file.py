"""A video in a file of its own, decoded by PyAV."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.files import unreadable
from datamodules.pictures.clip import Clip, stretched
from datamodules.pictures.image_file import LARGEST_PIXELS
from datamodules.pictures.size import Size
from elman.errors import BadInput

SUFFIXES = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg")


class VideoFile(Clip):
    """The first video stream of a file.

    Its frames are counted by the container, or where that has no count by a walk over its packets; these
    must then last as long as the container states. MPEG program streams (.mpg) state neither: one that was
    cut short is a shorter video.

    Raises:
        BadInput: without PyAV, and for a file that holds no video.

    Cost: frames are decoded from the first to the last one read, since most depend on those before.
    """

    def __init__(self, file: Path) -> None:
        self.file, self.files = file, [file]
        with self._stream() as (container, stream):
            if stream.width * stream.height > LARGEST_PIXELS:
                raise BadInput(f"{file}: has frames of more than {LARGEST_PIXELS:,} pixels; save it smaller")
            self.frames = stream.frames or self._walked(container, stream)
        if not self.frames:
            raise BadInput(f"{file}: holds no frames; take it out")

    def read(self, numbers: range, size: Size) -> np.ndarray:
        out = np.zeros((len(numbers), *size.shape), np.float32)
        if not numbers:
            return out
        place = {number: place for place, number in enumerate(numbers)}
        with self._stream() as (container, stream):
            number = -1
            for number, frame in enumerate(container.decode(stream)):
                if number in place:
                    pixels = frame.to_ndarray(format="rgb24").astype(np.float32) / 255
                    out[place[number]] = stretched(pixels, size)
                if number == numbers[-1]:
                    return out
        raise BadInput(
            f"{self.file}: has {number + 1} frames, and its header promises {self.frames}; it was cut short: "
            "copy or save it anew"
        )

    def _walked(self, container: Any, stream: Any) -> int:
        """Frames, counted by their packets."""
        frames, seconds = 0, 0.0
        a_frame = float(1 / stream.average_rate) if stream.average_rate else 0.0
        for packet in container.demux(stream):
            if packet.size and packet.pts is not None:
                lasts = float(packet.duration * packet.time_base) if packet.duration else a_frame
                frames, seconds = frames + 1, max(seconds, float(packet.pts * packet.time_base) + lasts)
        promised = _seconds(stream.metadata.get("DURATION", ""))
        if seconds + a_frame / 2 < promised:
            raise BadInput(
                f"{self.file}: has frames for {seconds:.6g} s, and its header promises {promised:.6g} s; "
                "it was cut short: copy or save it anew"
            )
        return frames

    @contextmanager
    def _stream(self) -> Iterator[tuple[Any, Any]]:
        try:
            import av
        except ImportError as error:
            raise BadInput(
                f"{self.file}: video files need PyAV: install elman[video], or give folders of frames or "
                "arrays"
            ) from error
        try:
            if not self.file.stat().st_size:
                raise BadInput(f"{self.file}: is empty; give a video")
            with av.open(str(self.file), metadata_errors="ignore") as container:
                if not container.streams.video or container.streams.video[0].codec_context is None:
                    raise BadInput(f"{self.file}: holds no video stream, or was cut short; give a video")
                yield container, container.streams.video[0]
        except av.FFmpegError as error:
            if isinstance(error, PermissionError | FileNotFoundError):
                raise unreadable(self.file, error) from error
            raise BadInput(
                f"{self.file}: cannot be decoded ({error.strerror}); it is damaged, cut short or of an "
                "unknown codec: convert it, for example to mp4"
            ) from error
        except OSError as error:
            raise unreadable(self.file, error) from error


def _seconds(duration: str) -> float:
    """Of a Matroska tag such as 00:01:05.5; 0 where there is none."""
    parts = duration.split(":")
    if len(parts) != 3 or not all(part.replace(".", "", 1).isdigit() for part in parts):
        return 0.0
    return 3600 * float(parts[0]) + 60 * float(parts[1]) + float(parts[2])
