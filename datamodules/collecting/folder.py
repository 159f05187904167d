"""Files of a data set, named by their content where that is cheap."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from datamodules.texts.corpus import byte_blocks, unreadable

LARGEST_READ = 256 << 20
"""Bytes that all files together may have to be read for a digest."""


def digest_of(files: Sequence[Path], root: Path) -> tuple[str, bool]:
    """SHA-256 over the names of `files` relative to `root`, and their content where it is at most 256 MiB.

    Larger data is told apart by names and sizes alone, so that looking at it does not read it all.

    Returns:
        The hex digest, and whether it is of the content.

    Raises:
        BadInput: if a file cannot be read.
    """
    sizes = []
    for file in files:
        try:
            sizes.append(file.stat().st_size)
        except OSError as error:
            raise unreadable(file, error) from error
    read = sum(sizes) <= LARGEST_READ
    total = hashlib.sha256()
    for file, size in zip(files, sizes, strict=True):
        name = file.relative_to(root).as_posix() if file != root else ""
        total.update(f"{size} {name}\n".encode("utf-8", "surrogateescape"))
        for block in byte_blocks(file) if read else ():
            total.update(block)
    return total.hexdigest(), read
