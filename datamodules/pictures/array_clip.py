"""A video as a NumPy array in a file."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from datamodules.array_sets.files import npy_header
from datamodules.array_sets.unpacked import MOST_MB, refuse_unpacked
from datamodules.files import unreadable
from datamodules.pictures.clip import Clip, stretched
from datamodules.pictures.size import Size
from elman.errors import BadInput

SUFFIXES = (".npy", ".npz")
LARGEST = {"bool": 1, "uint8": 255, "uint16": 65535, "float16": 1, "float32": 1, "float64": 1}
"""Kind of number -> what is white."""

DEEPEST = 64_000_000
"""Pixels of a frame; more would fill the memory."""


class ArrayClip(Clip):
    """An array (T, H, W) or (T, H, W, C), C 1 or 3, in a .npy file or alone in a .npz file.

    Frames are read where they lie; of a compressed .npz, those before them are unpacked too. Whole numbers
    are divided by the largest of their kind, floats stay as they are.

    Args:
        most_unpacked_mb: as `refuse_unpacked` has it.

    Raises:
        BadInput: for a file that is no such array, is cut short or unpacks to too much. Objects are never
            unpickled.
    """

    def __init__(self, file: Path, most_unpacked_mb: int = MOST_MB) -> None:
        self.file, self.files = file, [file]
        refuse_unpacked([file], most_unpacked_mb)
        with self._array() as (stream, size):
            try:
                shape, fortran, self.dtype = npy_header(stream)
            except ValueError as error:
                raise BadInput(f"{file}: is no NumPy array; save one with numpy.save") from error
            self.begin = stream.tell()
        if self.dtype.hasobject:
            raise BadInput(f"{file}: holds Python objects, which could run code when read; save numbers")
        if self.dtype.name not in LARGEST:
            raise BadInput(f"{file}: holds numbers of kind {self.dtype.name}; save {', '.join(LARGEST)}")
        if not (len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3))) or fortran:
            order = " in Fortran order" if fortran else ""
            raise BadInput(
                f"{file}: has the shape {shape}{order}; save frames as (T, H, W) or (T, H, W, C), C 1 "
                "or 3, in C order"
            )
        self.shape = (shape[1], shape[2], shape[3] if len(shape) == 4 else 1)
        self.frames, pixels = shape[0], shape[1] * shape[2]
        self.frame_bytes = int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize
        if not self.frames or not pixels or pixels > DEEPEST:
            raise BadInput(
                f"{file}: has the shape {shape}; give at least a frame, of 1 to {DEEPEST:,} pixels"
            )
        if size != self.begin + self.frames * self.frame_bytes:
            raise BadInput(
                f"{file}: was cut short or added to: it has {size:,} bytes, and its header promises "
                f"{self.begin + self.frames * self.frame_bytes:,}; copy or save it anew"
            )

    def read(self, numbers: range, size: Size) -> np.ndarray:
        out = np.zeros((len(numbers), *size.shape), np.float32)
        with self._array() as (stream, _):
            for place, number in enumerate(numbers):
                stream.seek(self.begin + number * self.frame_bytes)
                held = stream.read(self.frame_bytes)
                if len(held) < self.frame_bytes:
                    raise BadInput(f"{self.file}: was cut short at frame {number}; copy or save it anew")
                frame = np.frombuffer(held, self.dtype).reshape(self.shape).astype(np.float32)
                out[place] = stretched(frame / LARGEST[self.dtype.name], size)
        if not np.isfinite(out).all():
            raise BadInput(f"{self.file}: holds values that are not finite; mend them, or take it out")
        return out

    @contextmanager
    def _array(self) -> Iterator[tuple[IO[bytes], int]]:
        """The bytes of the array and how many there are."""
        try:
            if self.file.suffix.lower() == ".npy":
                with self.file.open("rb") as stream:
                    yield stream, self.file.stat().st_size
                return
            with zipfile.ZipFile(self.file) as packed:
                inside = packed.infolist()
                if len(inside) != 1:
                    raise BadInput(f"{self.file}: holds {len(inside)} arrays; save one video in each file")
                with packed.open(inside[0]) as stream:
                    yield stream, inside[0].file_size
        except OSError as error:
            raise unreadable(self.file, error) from error
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise BadInput(f"{self.file}: is a damaged .npz file ({error}); copy or save it anew") from error
