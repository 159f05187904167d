"""Text of any encoding as bytes of UTF-8, and what to say of bytes that are none."""

from __future__ import annotations

import codecs
import io
from pathlib import Path
from typing import Any, BinaryIO

from datamodules.files.read import BLOCK_BYTES, reading
from elman.errors import BadInput

UTF8 = "utf-8"
LEADING = b"\xc2\xc3"
"""Bytes that begin the Western letters of UTF-8, and are rare letters of cp1252."""
WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def check_encoding(encoding: str) -> None:
    """Refuse, with a ValueError, what is the name of no encoding of text."""
    try:
        "a".encode(encoding)
    except (LookupError, UnicodeError, ValueError, TypeError) as error:
        raise ValueError(
            f"encoding must be one that Python knows, such as utf-8, cp1252 or utf-16, got {encoding!r}"
        ) from error


def open_utf8(file: Path, encoding: str | None = None) -> BinaryIO:
    """A file opened for reading, its text as bytes of UTF-8; a byte order mark of UTF-8 is kept.

    Args:
        encoding: of the file, as `data.encoding` gives it; None: UTF-8, and there is no such argument.

    Raises:
        BadInput: if it cannot be opened, or its first bytes show that it is of another encoding; later, at
            a byte that is none of `encoding`. Bytes that should be UTF-8 are not checked.
    """
    with reading(file):
        stream: Any = file.open("rb")
        try:
            _refuse_other(file, stream.peek(BLOCK_BYTES), encoding)
        except BaseException:
            stream.close()
            raise
    if is_utf8(encoding):
        return stream  # type: ignore[no-any-return]
    return io.BufferedReader(_Recoded(stream, file, str(encoding)), BLOCK_BYTES)


def broken_utf8(raw: bytes, *, wide_before: bool, is_last: bool, has_argument: bool) -> str:
    """What is wrong with a line that is no UTF-8, and the way out.

    Args:
        wide_before: earlier lines hold characters of several bytes, and are UTF-8.
        is_last: the file ends with this line, without a line end.
        has_argument: there is `data.encoding`.
    """
    start = _first_fault(raw)
    before, rest = raw[:start].decode(), raw[start:]
    byte = f"0x{rest[0]:02x} at byte {start + 1}"
    wide = wide_before or not before.isascii() or not rest.decode("utf-8", "ignore").isascii()
    if wide or (is_cut(rest.rstrip()) and (len(rest) > 1 or rest[0] in LEADING)):
        where = "the file was cut short: fetch it anew" if is_last and is_cut(rest) else "mend it"
        return f"a character is cut in the middle; {byte}, after {before[-12:]!r}: {where}"
    shown = raw[max(0, start - 8) : start + 8].decode("cp1252", "replace").strip()
    if has_argument:
        return f"not UTF-8; {byte}: set data.encoding, to cp1252 if it should read {shown!r}"
    return f"not UTF-8; {byte}: save it as UTF-8, by `iconv -f cp1252 -t utf-8` if it should read {shown!r}"


class _Recoded(io.RawIOBase):
    """Text of one encoding read as bytes of UTF-8."""

    def __init__(self, stream: BinaryIO, file: Path, encoding: str) -> None:
        self.stream, self.file, self.encoding = stream, file, encoding
        self.decoder = codecs.getincrementaldecoder(encoding)()
        self.rest = memoryview(b"")
        self.line = 1

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = b"some"
        while block and not self.rest:
            block = self.stream.read(BLOCK_BYTES)
            self.rest = memoryview(self._decoded(block).encode())
        count = min(len(buffer), len(self.rest))
        buffer[:count] = self.rest[:count]
        self.rest = self.rest[count:]
        return count

    def close(self) -> None:
        self.stream.close()
        super().close()

    def _decoded(self, block: bytes) -> str:
        try:
            text = self.decoder.decode(block, final=not block)
        except UnicodeError as error:
            fault = getattr(error, "object", block)[getattr(error, "start", 0) :][:1].hex()
            line = self.line + block[: getattr(error, "start", 0)].count(b"\n")
            why = (
                f"the byte 0x{fault} is none of {self.encoding}; set data.encoding to what it was saved in"
                if block
                else "it ends in the middle of a character, so it was cut short; fetch it anew"
            )
            raise BadInput(f"{self.file}:{line}: {why}") from error
        self.line += text.count("\n")
        return text


def is_utf8(encoding: str | None) -> bool:
    """Whether an encoding, as `open_utf8` has it, needs no change."""
    return encoding is None or codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")


def _first_fault(raw: bytes) -> int:
    """Where the first byte stands that is no UTF-8."""
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return error.start
    raise AssertionError("these bytes are UTF-8")


def is_cut(rest: bytes) -> bool:
    """Whether bytes are the beginning of one character, and no more."""
    decoder = codecs.getincrementaldecoder(UTF8)()
    try:
        return not decoder.decode(rest)
    except UnicodeDecodeError:
        return False


def _refuse_other(file: Path, head: bytes, encoding: str | None) -> None:
    """Refuse a file whose first bytes show that it is of another encoding."""
    wide = _wide(head)
    if is_utf8(encoding):
        if wide and encoding is None:
            raise BadInput(f"{file}: is UTF-16; save it as UTF-8")
        if wide:
            raise BadInput(f"{file}: is UTF-16, not {encoding}; set data.encoding={wide}")
        return
    name = codecs.lookup(str(encoding)).name
    if name.startswith(("utf-16", "utf-32")):
        if b"\0" not in head and not head.startswith(WIDE_MARKS) and head:
            raise BadInput(f"{file}: is not {encoding} (no byte of its first is 0); leave data.encoding out")
        return
    if wide:
        raise BadInput(f"{file}: is UTF-16, not {encoding}; set data.encoding={wide}")
    try:
        text = codecs.getincrementaldecoder(UTF8)().decode(head)
    except UnicodeDecodeError:
        return
    if not text.isascii() and name != "gb18030":
        raise BadInput(f"{file}: is UTF-8, not {encoding}, by its first bytes; leave data.encoding out")


def _wide(head: bytes) -> str:
    """The name of the UTF-16 that bytes are; empty: they are none."""
    if head.startswith(WIDE_MARKS):
        return "utf-16"
    sample = head[: len(head) // 2 * 2]
    high, low = sample[::2].count(0), sample[1::2].count(0)
    if max(high, low) * 4 < max(len(sample), 16):  # half of ASCII's bytes are 0, on one side
        return ""
    return "utf-16-le" if high == 0 else "utf-16-be" if low == 0 else ""
