"""What is in files: blocks and digests, and the messages for what cannot be read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from elman.errors import BadInput

# As fast as 1 MiB, and a rare wide character, which makes all of a block wide, costs 50 MiB less at the peak.
BLOCK_BYTES = 1 << 16
LARGEST_READ = 256 << 20
"""Bytes that all files of a data set together may have to be read for a digest."""


def byte_blocks(file: Path) -> Iterator[bytes]:
    """The bytes of a file, a block at a time.

    Raises:
        BadInput: if it cannot be read.
    """
    with reading(file), file.open("rb", buffering=0) as stream:
        while block := stream.read(BLOCK_BYTES):
            yield block


def digest(file: Path, algorithm: str = "sha256") -> str:
    """Hex digest of a file's bytes, as `sha256sum` prints it.

    Raises:
        BadInput: if it cannot be read.
    """
    with reading(file), file.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()


def digest_of(files: Sequence[Path], root: Path) -> tuple[str, bool]:
    """SHA-256 over the names of `files` relative to `root`, and their content where it is at most 256 MiB.

    Larger data is distinguished by names and sizes alone, so that its digest does not read all of it.

    Returns:
        The hex digest, and whether it is of the content.

    Raises:
        BadInput: if a file cannot be read.
    """
    sizes = []
    for file in files:
        with reading(file):
            sizes.append(file.stat().st_size)
    read = sum(sizes) <= LARGEST_READ
    total = hashlib.sha256()
    for file, size in zip(files, sizes, strict=True):
        name = "" if file == root else relative_name(file, root)
        total.update(f"{size} {name}\n".encode("utf-8", "surrogateescape"))
        for block in byte_blocks(file) if read else ():
            total.update(block)
    return total.hexdigest(), read


def relative_name(file: Path, root: Path) -> str:
    """The path of `file` inside `root`, with forward slashes; of the root itself its name."""
    return file.name if file == root else file.relative_to(root).as_posix()


@contextmanager
def reading(path: Path, errors: tuple[type[Exception], ...] = (OSError,)) -> Iterator[None]:
    """Turns an error of the block that is one of `errors` into `unreadable`."""
    try:
        yield
    except errors as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> BadInput:
    """The message for a path that the operating system refuses."""
    if isinstance(error, FileNotFoundError):
        return BadInput(f"{path}: no such file or folder; check data.path (relative to {Path.cwd()})")
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return BadInput(f"{path}: cannot be read ({reason}); data.path must be readable by you")


def first_line(error: Exception) -> str:
    """What an error says, in at most 120 characters; the name of its class if it says nothing."""
    return str(error).split("\n", 1)[0][:120] or type(error).__name__
