"""Plain text: lines and whole files of UTF-8, where one bad line need not spoil the others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from datamodules.files import unreadable
from datamodules.tables.csv_rows import refuse_other_types
from elman.errors import BadInput

LONGEST_BYTES = 16 << 20
"""Of one line or one text: what is longer is no example but a file of another kind."""

_ESCAPED = re.compile("[\ud800-\udfff]")


def text_lines(file: Path) -> Iterator[str]:
    """The lines of a file with their ends; a byte order mark is dropped.

    Bytes that are not UTF-8 stay in the line as escapes, which `fault` tells.

    Raises:
        BadInput: if the file cannot be read, is of another type, or a line is longer than 16 MiB.
    """
    try:
        with file.open("rb") as stream:
            refuse_other_types(file, stream.peek(8)[:8])
            number = 0
            while raw := stream.readline(LONGEST_BYTES + 1):
                number += 1
                if len(raw) > LONGEST_BYTES:
                    raise BadInput(
                        f"{file}:{number}: longer than {LONGEST_BYTES >> 20} MiB; give one text a line"
                    )
                yield _decoded(raw, first=number == 1)
    except OSError as error:
        raise unreadable(file, error) from error


def whole_text(file: Path) -> str:
    """All of a file; bytes that are not UTF-8 stay as escapes, which `fault` tells.

    Raises:
        BadInput: if the file cannot be read, is of another type, or longer than 16 MiB.
    """
    try:
        with file.open("rb") as stream:
            raw = stream.read(LONGEST_BYTES + 1)
    except OSError as error:
        raise unreadable(file, error) from error
    refuse_other_types(file, raw[:8])
    if len(raw) > LONGEST_BYTES:
        raise BadInput(f"{file}: one text of more than {LONGEST_BYTES >> 20} MiB; cut it into several")
    return _decoded(raw, first=True)


def fault(text: str) -> str | None:
    """What keeps `text` from being plain text, if anything does."""
    if "\0" in text:
        return "NUL byte, so this is not plain text; give UTF-8 text"
    if not text.isascii() and (escaped := _ESCAPED.search(text)):
        byte = ord(escaped[0]) - 0xDC00
        what = f"the byte 0x{byte:02x}" if 0x80 <= byte <= 0xFF else "half a surrogate pair"
        return f"not UTF-8; it holds {what}: convert it, for example with `iconv -f latin1 -t utf-8`"
    return None


def _decoded(raw: bytes, *, first: bool) -> str:
    return raw.decode("utf-8-sig" if first else "utf-8", "surrogateescape")
