"""Stills: pictures in files, one each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from datamodules.pictures.image_file import SUFFIXES, check_image, read_image
from datamodules.pictures.size import Size


class Stills:
    """Pictures by their paths; a `Medium`.

    Args:
        size: what each is stretched to, and its colours.
        decode: checking a picture also decodes all of it.
    """

    plural = "images"
    suffixes: Sequence[str] = SUFFIXES
    unread: Sequence[str] = (
        ".webp",
        ".heic",
        ".heif",
        ".avif",
        ".jp2",
        ".jfif",
        ".ppm",
        ".pgm",
        ".tga",
        ".svg",
    )
    convert = "`magick IN OUT.png`"

    def __init__(self, size: Size, *, decode: bool) -> None:
        self.size, self.decode = size, decode

    def things(self, files: Sequence[Path]) -> list[Path]:
        return list(files)

    def open(self, path: Path) -> None:
        check_image(path)
        if self.decode:
            self.read(path)

    def read(self, path: Path) -> Tensor:
        """(height, width, channels) in [0, 1].

        Raises:
            BadInput: if it cannot be read.
        """
        return torch.from_numpy(read_image(path, self.size))

    def context(self, path: Path) -> Tensor:
        return self.read(path).flatten()

    def files_of(self, paths: Sequence[Path]) -> list[Path]:
        return list(paths)

    def metadata(self) -> dict[str, Any]:
        return self.size.metadata()

    def notes(self) -> list[str]:
        return []
