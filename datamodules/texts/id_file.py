"""Id files: encoded text on disk, read a slice at a time."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np

from datamodules.files import atomic_write, lock
from datamodules.texts.byte_stream import ByteStream
from elman.errors import BadInput

FORMAT = 1
COUNTED_LATER = 64  # bytes by which a header may grow while its ids are made
LONGEST_HEADER = 1 << 25  # a vocabulary of long words has tens of MB


class Ids:
    """Ids in a stream of bytes: `len()` and slices.

    Args:
        dtype: of one id.
    """

    def __init__(self, stream: ByteStream, dtype: np.dtype) -> None:
        self.stream, self.dtype = stream, dtype

    def __len__(self) -> int:
        return len(self.stream) // self.dtype.itemsize

    def __getitem__(self, part: slice) -> np.ndarray:
        start, stop, _ = part.indices(len(self))
        width = self.dtype.itemsize
        return self.stream[start * width : stop * width].view(self.dtype)


@dataclass(frozen=True)
class Header:
    """The description of an id file, one line of JSON before the ids.

    Args:
        key: what the ids were made from; another key is another file.
        characters: the alphabet; of words, all of them with a blank between.
        dtype: of one id.
        counts: ids of the training, validation and test part, which follow each other.
        unknown: how many of them are the unknown id; may be counted while the ids are made.
    """

    key: str
    characters: str
    dtype: str
    counts: list[int]
    unknown: list[int]
    format: int = FORMAT

    @property
    def ids_bytes(self) -> int:
        return sum(self.counts) * np.dtype(self.dtype).itemsize


def read(path: Path, key: str) -> tuple[Header, list[Ids]] | None:
    """The header and the three parts of an id file; None if there is none or it is damaged."""
    try:
        with path.open("rb") as file:
            line = file.readline(LONGEST_HEADER)
        header = Header(**json.loads(line))
        if (
            header.format != FORMAT
            or header.key != key
            or os.stat(path).st_size != len(line) + header.ids_bytes
        ):
            return None
        dtype = np.dtype(header.dtype)
        edges = list(accumulate(header.counts, lambda at, n: at + n * dtype.itemsize, initial=len(line)))
        return header, [Ids(ByteStream([(path, *span)]), dtype) for span in pairwise(edges)]
    except (OSError, ValueError, TypeError):
        return None


def read_or_build(
    path: Path, key: str, build: Callable[[], tuple[Header, Iterable[np.ndarray]]]
) -> tuple[Header, list[Ids]]:
    """The id file at `path`, made by `build` unless it is there and whole.

    One process builds while others wait for it. The file appears under its name only when all of it
    is on disk, so a killed build leaves nothing that a later one would trust.

    Raises:
        BadInput: if the folder cannot be written.
    """
    if (ready := read(path, key)) is not None:
        return ready
    try:
        with lock(path.with_suffix(".lock")):
            if read(path, key) is None:
                write(path, *build())
    except OSError as error:
        raise BadInput(
            f"{path.parent}: ids cannot be kept there ({error.strerror or error}); "
            "set data.cache to a local folder that you can write and that has room"
        ) from error
    ready = read(path, key)
    assert ready is not None
    return ready


def write(path: Path, header: Header, blocks: Iterable[np.ndarray]) -> None:
    """Write an id file whole or not at all."""
    with atomic_write(path, sync=True) as part, part.open("wb") as file:
        begin = file.write(_line(header, width=0)) + COUNTED_LATER
        file.seek(begin)
        for block in blocks:
            file.write(block.tobytes())
        if file.tell() - begin != header.ids_bytes:
            raise BadInput("the text changed while it was being read; start again when it is complete")
        file.seek(0)
        file.write(_line(header, width=begin))


def _line(header: Header, *, width: int) -> bytes:
    """One line of JSON, filled up with blanks to `width` bytes."""
    return json.dumps(asdict(header)).ljust(width - 1).encode() + b"\n"
