"""Image files: what their headers promise, and their pixels in one size."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.files import first_line, unreadable
from datamodules.pictures.size import Size
from elman.errors import BadInput

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff")
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF")
"""Pillow tries these alone: some of its other readers start programs."""

LARGEST_PIXELS = 64_000_000
"""More in one image are taken for a bomb: a small file that would fill the memory."""

ENDINGS = {"PNG": b"IEND", "JPEG": b"\xff\xd9"}
TAIL_BYTES = 1 << 16


def check_image(file: Path) -> tuple[int, int]:
    """Height and width in pixels, from the header; the pixels are not decoded.

    Raises:
        BadInput: for a file that cannot be read, is no such image, holds several, is cut short, or is a bomb.
    """
    with _opened(file) as image:
        _refuse_bomb(file, *image.size)
        if getattr(image, "n_frames", 1) > 1:
            raise BadInput(
                f"{file}: holds several images; save one, or give it as frames to datamodules.video"
            )
        if (end := ENDINGS.get(image.format)) and end not in _tail(file):
            raise BadInput(f"{file}: was cut short: its end is missing; copy or save it anew")
        return image.height, image.width


def is_animated(file: Path) -> bool:
    """Whether a file is an image that moves; what cannot be read is none."""
    try:
        with _opened(file) as image:
            return getattr(image, "n_frames", 1) > 1
    except BadInput:
        return False


def read_image(file: Path, size: Size) -> np.ndarray:
    """Pixels (height, width, channels) float32 in [0, 1].

    The image is turned by its orientation tag and stretched to `size`. Where it is transparent, white
    shows through.

    Raises:
        BadInput: where the pixels cannot be decoded. What else may be wrong, `check_image` finds.
    """
    from PIL import ImageOps

    with _opened(file) as image:
        _refuse_bomb(file, *image.size)
        image.load()
        return _resized(file, ImageOps.exif_transpose(image), size)


def _resized(file: Path, image: Any, size: Size) -> np.ndarray:
    """A Pillow image as `read_image` gives it."""
    from PIL import Image

    if image.mode in ("I", "F"):
        raise BadInput(f"{file}: has pixels of 32 bits, whose range is unknown; save it with 8 or 16 bits")
    if image.mode.startswith("I;16"):  # Pillow's own conversion would cut all above 255 off
        grey = Image.fromarray(np.asarray(image).astype(np.float32) / 65535)
        pixels = np.asarray(grey.resize((size.width, size.height), Image.Resampling.BILINEAR))[..., None]
        return np.repeat(pixels, size.channels, axis=2)
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("L" if size.colours == "grey" else "RGB")
    image = image.resize((size.width, size.height), Image.Resampling.BILINEAR)
    return np.asarray(image, dtype=np.float32).reshape(size.shape) / 255


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    """The image in a file, its header read; every error of Pillow becomes one line."""
    from PIL import Image

    try:
        if not file.stat().st_size:
            raise BadInput(f"{file}: is empty; give an image")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of tags it leaves out
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file, formats=FORMATS) as image:
                yield image
    except BadInput:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _bomb(file) from error
    except Image.UnidentifiedImageError as error:
        raise BadInput(
            f"{file}: is no {', '.join(FORMATS)} image, whatever its name says; take it out, or save it anew"
        ) from error
    except Exception as error:  # its readers raise many kinds, few of them documented
        if isinstance(error, OSError) and error.errno is not None:
            raise unreadable(file, error) from error
        raise BadInput(f"{file}: is a damaged image ({first_line(error)}); copy or save it anew") from error


def _tail(file: Path) -> bytes:
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - TAIL_BYTES))
        return stream.read()


def _refuse_bomb(file: Path, width: int, height: int) -> None:
    if width * height > LARGEST_PIXELS:
        raise _bomb(file)


def _bomb(file: Path) -> BadInput:
    return BadInput(
        f"{file}: says that it has more than {LARGEST_PIXELS:,} pixels; save it smaller, or take it out"
    )
