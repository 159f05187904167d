"""UTF-8: text decoded from files and pipes, and what is wrong with bytes that are none."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from datamodules.files import broken_utf8, byte_blocks, is_cut, open_utf8, reading
from elman.errors import BadInput

CONVERT = "convert it, for example with `iconv -f latin1 -t utf-8`"
MEND = "copy it anew, or take those bytes off"
MARK = "\ufeff".encode()
LONGEST_BYTES = 16 << 20
"""Of one line or one text: what is longer is no example but a file of another kind."""

MAGIC = {
    b"PK\x03\x04": "a zip archive (or a spreadsheet); unpack it, or save the sheet as CSV",
    b"PAR1": "a parquet file; let its name end in .parquet",
    b"\x1f\x8b": "packed by gzip; unpack it",
    b"\xff\xfe": "UTF-16; save it as UTF-8",
    b"\xfe\xff": "UTF-16; save it as UTF-8",
    b"\x89HDF": "an HDF5 file; save it as CSV or .npy",
}

_ESCAPED = re.compile("[\ud800-\udfff]")


def text_blocks(file: Path) -> Iterator[str]:
    """The text of a file, a block at a time, as it is, without a byte order mark at its head.

    Raises:
        BadInput: if the file cannot be read, is not UTF-8 or holds a NUL byte.
    """
    return decoded(byte_blocks(file), str(file))


def decoded(blocks: Iterable[bytes], name: str) -> Iterator[str]:
    """UTF-8 text from bytes that may be cut anywhere; what comes before a fault is given before it is raised.

    A byte order mark at the head is dropped.

    Args:
        name: of where the bytes come from, for messages.

    Raises:
        BadInput: if they are not UTF-8 or hold a NUL byte.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    begun = wide = False
    offset, line = 0, 1  # of the first byte that the decoder has not turned into text yet
    for block in chain(blocks, [b""]):
        waiting, fault = decoder.getstate()[0], ""
        nul = block.find(0)
        try:
            text = decoder.decode(block if nul < 0 else block[:nul], final=not block)
        except UnicodeDecodeError as error:
            text, rest = error.object[: error.start].decode(), error.object[error.start :]
            at = f"at byte {offset + error.start}, line {line + error.object.count(10, 0, error.start)}"
            fault = _broken(rest, f" {at} (0x{rest[0]:02x})", wide=wide or not text.isascii(), ends=not block)
        if nul >= 0:
            fault = (
                f"NUL byte at byte {offset + len(waiting) + nul}, so this is not plain text "
                "(a binary file, or UTF-16); give UTF-8 text"
            )
        if text and not begun:
            text, begun = text.removeprefix("\ufeff"), True
        wide = wide or not text.isascii()
        if text:
            yield text
        if fault:
            raise BadInput(f"{name}: {fault}")
        offset += len(waiting) + len(block) - len(decoder.getstate()[0])
        line += block.count(b"\n")


def has_mark(file: Path) -> bool:
    """Whether a file begins with a byte order mark."""
    with reading(file), file.open("rb") as stream:
        return stream.read(len(MARK)) == MARK


def is_text(file: Path) -> bool:
    """Whether all of a file reads as UTF-8 text."""
    try:
        for _ in text_blocks(file):
            pass
    except BadInput:
        return False
    return True


def text_lines(file: Path, encoding: str | None = None) -> Iterator[str]:
    """The lines of a file with their ends; a byte order mark is dropped.

    Bytes that are not UTF-8 stay in the line as escapes, which `fault` finds: one bad line need not spoil
    the others.

    Args:
        encoding: as `open_utf8` has it.

    Raises:
        BadInput: if the file cannot be read, is of another type, or a line is longer than 16 MiB.
    """
    with reading(file), open_utf8(file, encoding) as stream:
        refuse_other_types(file, stream.peek(8)[:8])  # type: ignore[attr-defined]
        number = 0
        while raw := stream.readline(LONGEST_BYTES + 1):
            number += 1
            if len(raw) > LONGEST_BYTES:
                raise BadInput(
                    f"{file}:{number}: longer than {LONGEST_BYTES >> 20} MiB; give one text a line"
                )
            yield raw.decode("utf-8-sig" if number == 1 else "utf-8", "surrogateescape")


def whole_text(file: Path, encoding: str | None = None) -> str:
    """All of a file, as `text_lines` reads it.

    Args:
        encoding: as `open_utf8` has it.

    Raises:
        BadInput: if the file cannot be read, is of another type, or longer than 16 MiB.
    """
    with reading(file), open_utf8(file, encoding) as stream:
        raw = stream.read(LONGEST_BYTES + 1)
    refuse_other_types(file, raw[:8])
    if len(raw) > LONGEST_BYTES:
        raise BadInput(f"{file}: one text of more than {LONGEST_BYTES >> 20} MiB; cut it into several")
    return raw.decode("utf-8-sig", "surrogateescape")


def refuse_other_types(file: Path, head: bytes) -> None:
    """Refuse a file whose first bytes are those of another type."""
    for magic, what in MAGIC.items():
        if head.startswith(magic):
            raise BadInput(f"{file}: is no CSV but {what}")


def fault(text: str) -> str | None:
    """What keeps `text` from being plain text; None: nothing."""
    if "\0" in text:
        return "NUL byte, so this is not plain text; give UTF-8 text"
    if not text.isascii() and (escaped := _ESCAPED.search(text)):
        if not 0xDC80 <= ord(escaped[0]) <= 0xDCFF:
            return "not UTF-8; half a surrogate pair is no character: take it out"
        raw = text.encode("utf-8", "surrogateescape")
        return broken_utf8(raw, wide_before=False, is_last=False, has_argument=True)
    return None


def _broken(rest: bytes, what: str, *, wide: bool, ends: bool) -> str:
    """What is wrong with bytes that are no UTF-8, and the way out.

    Args:
        rest: from the first bad one on.
        what: they are, for the message.
        wide: characters of several bytes stand before them.
        ends: the text ends with them.
    """
    if not (ends and is_cut(rest)):
        return f"not UTF-8{what}; {CONVERT}"
    if wide or len(rest) > 1:
        return f"ends inside a character{what}: it was cut short; {MEND}"
    return f"not UTF-8{what}, its last: if it was cut short, {MEND}; else {CONVERT}"  # as in Latin-1
