"""Clips: videos in files of any kind, and which of their frames are taken."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from datamodules.pictures import array_clip, image_file, video_file
from datamodules.pictures.array_clip import ArrayClip
from datamodules.pictures.clip import Clip
from datamodules.pictures.frame_folder import FrameFolder
from datamodules.pictures.size import Size
from datamodules.pictures.video_file import VideoFile
from datamodules.sequence_data import check_counts


class Clips:
    """Videos by their paths, each opened once; a `Medium`.

    Args:
        size, every, longest: as in `Video`.

    Raises:
        ValueError: for a value out of range.
    """

    plural = "videos"
    suffixes: Sequence[str] = (*image_file.SUFFIXES, *array_clip.SUFFIXES, *video_file.SUFFIXES)

    def __init__(self, *, size: Size, every: int, longest: int | None) -> None:
        check_counts(1, every=every, longest=1 if longest is None else longest)
        self.size, self.every, self.longest = size, every, longest
        self._opened: dict[Path, Clip] = {}

    def things(self, files: Sequence[Path]) -> list[Path]:
        """Folders that hold pictures, and arrays and video files, in the order of their names."""
        pictures = image_file.SUFFIXES
        return sorted({file.parent if file.suffix.lower() in pictures else file for file in files})

    def open(self, path: Path) -> Clip:
        """A video, its header read.

        Raises:
            BadInput: if it is none, or cannot be read.
        """
        if path not in self._opened:
            suffix = path.suffix.lower()
            kind = ArrayClip if suffix in array_clip.SUFFIXES else FrameFolder
            self._opened[path] = VideoFile(path) if suffix in video_file.SUFFIXES else kind(path)
        return self._opened[path]

    def count(self, path: Path) -> int:
        """How many frames of a video are taken."""
        return len(self._taken(path))

    def read(self, path: Path, start: int = 0, stop: int | None = None) -> Tensor:
        """Of the frames taken, those from `start` to `stop`, (stop - start, features)."""
        return torch.from_numpy(self.open(path).read(self._taken(path)[start:stop], self.size)).flatten(1)

    def context(self, path: Path) -> tuple[Tensor, Tensor]:
        frames = self.read(path)
        return frames, torch.tensor(len(frames))

    def files_of(self, paths: Sequence[Path]) -> list[Path]:
        return [file for path in paths for file in self.open(path).files]

    def metadata(self) -> dict[str, Any]:
        return {**self.size.metadata(), "every": self.every if self.every > 1 else None}

    def _taken(self, path: Path) -> range:
        return range(0, self.open(path).frames, self.every)[: self.longest]
