"""What packed arrays would take unpacked, and a limit on that: a small file may fill the memory."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from datamodules.files import reading
from elman.errors import BadInput

MOST_MB = 64
TIMES = 10
"""As many times its own size a file may take unpacked, whatever the limit."""

MAT_HEAD, COMPRESSED = 128, 15
BLOCK_BYTES = 1 << 20
COUNTED = 4_000_000_000


def refuse_unpacked(files: Sequence[Path], most_mb: int) -> None:
    """Refuse .npz and .mat files that together take more than ten times their size, and `most_mb`, unpacked.

    Raises:
        BadInput: then, with the limit that would do.
    """
    over: dict[Path, int] = {}
    for file in files:
        with reading(file):
            size = file.stat().st_size
        over[file] = max(0, _unpacked(file) - TIMES * size)
    total = sum(over.values())
    if total > most_mb * 1_000_000:
        largest = max(over, key=over.__getitem__)
        others = f" ({total:,} with {len(files) - 1} others)" if len(files) > 1 else ""
        raise BadInput(
            f"{largest}: unpacked it takes {over[largest]:,} bytes more than ten times its size{others}, "
            f"and data.most_unpacked_mb={most_mb} allows less; raise it to "
            f"{-(-total // 1_000_000)} if you trust it"
        )


def _unpacked(file: Path) -> int:
    """Bytes that a file takes unpacked; 0 where it is not packed, or damaged, which reading it will show."""
    try:
        if file.suffix.lower() == ".mat":
            with file.open("rb") as stream:
                return of_mat(stream)
        if file.suffix.lower() == ".npz":
            with zipfile.ZipFile(file) as packed:
                return sum(member.file_size for member in packed.infolist())
    except (OSError, zipfile.BadZipFile, zlib.error):
        pass
    return 0


def of_mat(stream: BinaryIO) -> int:
    """Bytes that the packed variables of a MATLAB file take; of 4 GB or more, some of them."""
    head = stream.read(MAT_HEAD)
    order = "little" if head[126:128] == b"IM" else "big"
    total = 0
    while total < COUNTED and len(tag := stream.read(8)) == 8:
        kind, size = (int.from_bytes(part, order) for part in (tag[:4], tag[4:]))  # type: ignore[arg-type]
        if kind != COMPRESSED:
            stream.seek(size, 1)
            continue
        unpacker, left = zlib.decompressobj(), size
        while left > 0 and total < COUNTED and (packed := stream.read(min(left, BLOCK_BYTES))):
            left -= len(packed)
            while packed and total < COUNTED:
                total += len(unpacker.decompress(packed, BLOCK_BYTES))
                packed = unpacker.unconsumed_tail
        stream.seek(left, 1)
    return total
