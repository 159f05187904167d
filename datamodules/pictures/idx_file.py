"""Idx: the file format of MNIST, arrays of unsigned bytes."""

from __future__ import annotations

import gzip
import struct
import zlib
from math import prod
from pathlib import Path

import numpy as np

from datamodules.files import unreadable
from elman.errors import BadInput

UNSIGNED_BYTES = 0x08
LARGEST = 1 << 30
"""Bytes of an array; MNIST's largest has 47 million."""


def read_shape(file: Path, axes: int) -> tuple[int, ...]:
    """The shape in the header of an idx file; `.gz` is unpacked.

    Raises:
        BadInput: if it is no idx file of unsigned bytes with `axes` axes, or its header states a huge size.
    """
    return _read(file, axes, header_only=True)[0]


def read_idx(file: Path, axes: int) -> np.ndarray:
    """The array of an idx file, uint8.

    Raises:
        BadInput: as `read_shape`; or if there are fewer or more bytes than its header states.
    """
    shape, content = _read(file, axes, header_only=False)
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)


def _read(file: Path, axes: int, *, header_only: bool) -> tuple[tuple[int, ...], bytes]:
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
            magic = stream.read(4)
            if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] != UNSIGNED_BYTES or magic[3] != axes:
                raise BadInput(
                    f"{file}: begins with 0x{magic.hex() or '(nothing)'}, but an idx file of bytes with "
                    f"{axes} axes begins with 0x{bytes((0, 0, UNSIGNED_BYTES, axes)).hex()}; give another"
                )
            sizes = stream.read(4 * axes)
            if len(sizes) < 4 * axes:
                raise BadInput(f"{file}: cut short in its header; fetch it again")
            shape = struct.unpack(f">{axes}I", sizes)
            if 0 in shape or prod(shape) > LARGEST:
                raise BadInput(f"{file}: says it holds {' x '.join(map(str, shape))} bytes; fetch it again")
            content = b"" if header_only else stream.read(prod(shape) + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BadInput(f"{file}: broken or cut short ({error}); fetch it again") from error
    except OSError as error:
        raise unreadable(file, error) from error
    if not header_only and len(content) != prod(shape):
        has = f"{len(content):,}" if len(content) < prod(shape) else "more"
        raise BadInput(f"{file}: says it holds {prod(shape):,} bytes, but has {has}; fetch it again")
    return shape, content
