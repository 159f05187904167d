"""The checksum of a checkpoint: what a disk or a copy has changed is seen before anything is read from it.

A checkpoint is a zip archive, and its checksum the archive's comment, where torch does not look. So it stays
one file, which `torch.load(file, weights_only=True)` reads.
"""

from __future__ import annotations

import hashlib
import zipfile
from io import BufferedRandom
from pathlib import Path
from typing import IO

MARK = b"elman-sha256:"
SEAL_BYTES = len(MARK) + 64
END, END_BYTES = b"PK\x05\x06", 22  # of an archive without a comment; the last two count the comment's bytes


def seal(file: BufferedRandom) -> None:
    """Add the checksum of all before it to an archive that has just been written.

    Args:
        file: open for reading and writing.
    """
    file.seek(-END_BYTES, 2)
    assert file.read(len(END)) == END, "torch writes no comment"
    file.seek(-2, 2)
    file.write(SEAL_BYTES.to_bytes(2, "little"))
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    file.write(MARK + digest.encode("ascii"))


def is_damaged(path: Path) -> bool:
    """Whether a checkpoint is not as it was written.

    Files of before have no checksum of the whole, but the archive has one of each tensor and of all values.
    What is no archive is left to who reads it.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - SEAL_BYTES - END_BYTES))
        tail = file.read()
        if tail[END_BYTES:].startswith(MARK):
            file.seek(0)
            return _digest(file, size - SEAL_BYTES) != tail[END_BYTES + len(MARK) :]
        if END not in tail:
            return False
        try:
            # A comment that is not ours, and is counted, was ours.
            return (
                tail[-END_BYTES : -END_BYTES + len(END)] != END or zipfile.ZipFile(file).testzip() is not None
            )
        except Exception:  # zipfile raises what comes of the fields it reads
            return True


def _digest(file: IO[bytes], size: int) -> bytes:
    digest, left = hashlib.sha256(), size
    while left > 0 and (part := file.read(min(left, 1 << 20))):
        digest.update(part)
        left -= len(part)
    return digest.hexdigest().encode("ascii")
