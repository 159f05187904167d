"""Clips: videos in files of any kind, and which of their frames are taken."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from datamodules.array_sets.unpacked import MOST_MB
from datamodules.pictures import array_clip, image_file, video_file
from datamodules.pictures.array_clip import ArrayClip
from datamodules.pictures.clip import Clip
from datamodules.pictures.frame_folder import FrameFolder
from datamodules.pictures.size import Size
from datamodules.pictures.video_file import VideoFile
from datamodules.sequence_data import check_counts

MOVING = ".gif"


class Clips:
    """Videos by their paths, each opened once; a `Medium`.

    Args:
        size, every, longest, most_unpacked_mb: as in `Video`.

    Raises:
        ValueError: for a value out of range.
    """

    plural = "videos"
    suffixes: Sequence[str] = (*image_file.SUFFIXES, *array_clip.SUFFIXES, *video_file.SUFFIXES)
    unread: Sequence[str] = (".wmv", ".flv", ".3gp", ".ogv", ".mts", ".m2ts", ".vob", ".mxf", ".webp", ".h5")
    convert = "`ffmpeg -i IN OUT.mp4`"

    def __init__(
        self, *, size: Size, every: int, longest: int | None, most_unpacked_mb: int = MOST_MB
    ) -> None:
        check_counts(1, every=every, longest=1 if longest is None else longest)
        check_counts(1, most_unpacked_mb=most_unpacked_mb)
        self.most_unpacked_mb = most_unpacked_mb
        self.size, self.every, self.longest = size, every, longest
        self._opened: dict[Path, Clip] = {}

    def things(self, files: Sequence[Path]) -> list[Path]:
        """Folders of frames, and arrays and video files, in the order of their names.

        A picture that moves is a video, where no others lie beside it.
        """
        frames: dict[Path, list[Path]] = {}
        found: set[Path] = set()
        for file in files:
            if file.suffix.lower() in image_file.SUFFIXES:
                frames.setdefault(file.parent, []).append(file)
            else:
                found.add(file)
        for folder, pictures in frames.items():
            moving = all(file.suffix.lower() == MOVING and image_file.is_animated(file) for file in pictures)
            found |= {*pictures} if moving else {folder}
        return sorted(found)

    def open(self, path: Path) -> Clip:
        """A video, its header read.

        Raises:
            BadInput: if it is none, or cannot be read.
        """
        if path not in self._opened:
            suffix = path.suffix.lower()
            moving = suffix in video_file.SUFFIXES or (suffix == MOVING and path.is_file())
            if suffix in array_clip.SUFFIXES:
                self._opened[path] = ArrayClip(path, self.most_unpacked_mb)
            else:
                self._opened[path] = VideoFile(path) if moving else FrameFolder(path)
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
        missing = sum(len(clip.missing) for clip in self._opened.values())
        every = self.every if self.every > 1 else None
        return {**self.size.metadata(), "every": every, "missing_frames": missing or None}

    def notes(self) -> list[str]:
        gaps = {path.name: clip.missing for path, clip in self._opened.items() if clip.missing}
        shown = [f"{name} lacks {', '.join(map(str, missing[:3]))}" for name, missing in [*gaps.items()][:3]]
        more = f" and {len(gaps) - 3:,} more" if len(gaps) > 3 else ""
        return [f"frames are missing, by their numbers: {', '.join(shown)}{more}"] if gaps else []

    def _taken(self, path: Path) -> range:
        return range(0, self.open(path).frames, self.every)[: self.longest]
