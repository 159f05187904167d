"""Clips: videos in whatever they are kept in, and which of their frames are taken."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from datamodules.pictures import array_clip, image_file, video_file
from datamodules.pictures.array_clip import ArrayClip
from datamodules.pictures.clip import Clip, Size
from datamodules.pictures.frame_folder import FrameFolder
from datamodules.pictures.image_file import CHANNELS, Colours
from datamodules.pictures.video_file import VideoFile
from datamodules.sequence_data import check_counts

SUFFIXES = (*image_file.SUFFIXES, *array_clip.SUFFIXES, *video_file.SUFFIXES)


class Taking:
    """Which frames of a video are taken, and how.

    Args:
        height, width, colours, every, longest: as in `Video`.

    Raises:
        ValueError: for a value out of range.
    """

    def __init__(self, *, height: int, width: int, colours: Colours, every: int, longest: int | None) -> None:
        check_counts(1, height=height, width=width, every=every)
        if longest is not None:
            check_counts(1, longest=longest)
        if colours not in CHANNELS:
            raise ValueError(f"colours must be grey or rgb, got {colours!r}")
        self.size, self.every, self.longest = Size(height, width, colours), every, longest

    def numbers(self, clip: Clip) -> range:
        """The frames taken."""
        return range(0, clip.frames, self.every)[: self.longest]

    def read(self, clip: Clip, start: int, stop: int) -> Tensor:
        """Of the frames taken, those from `start` to `stop`, (stop - start, features)."""
        return torch.from_numpy(clip.read(self.numbers(clip)[start:stop], self.size)).flatten(1)

    def metadata(self) -> dict[str, object]:
        height, width, colours = self.size
        every = self.every if self.every > 1 else None
        return {"height": height, "width": width, "colours": colours, "every": every}


def open_clip(path: Path) -> Clip:
    """A video, its header read.

    Raises:
        BadInput: if it is none, or cannot be read.
    """
    if path.suffix.lower() in array_clip.SUFFIXES:
        return ArrayClip(path)
    return VideoFile(path) if path.suffix.lower() in video_file.SUFFIXES else FrameFolder(path)


def videos_of(files: Sequence[Path]) -> list[Path]:
    """Folders that hold pictures, and arrays and video files, in the order of their names."""
    pictures = image_file.SUFFIXES
    return sorted({file.parent if file.suffix.lower() in pictures else file for file in files})


def files_of(paths: Sequence[Path], clips: Sequence[Clip]) -> list[Path]:
    """All files that the videos are made of."""
    held: list[Path] = []
    for path, clip in zip(paths, clips, strict=True):
        held += clip.files if isinstance(clip, FrameFolder) else [path]
    return held
