"""The rows of a CSV file, read as a stream; whatever would be half read is told with its line."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from datamodules.files import reading
from elman.errors import BadInput

BLOCK_ROWS = 4096
LONGEST_LINE = 1 << 20
MAGIC = {
    b"PK\x03\x04": "a zip archive (or a spreadsheet); unpack it, or save the sheet as CSV",
    b"PAR1": "a parquet file; let its name end in .parquet",
    b"\x1f\x8b": "packed by gzip; unpack it",
    b"\xff\xfe": "UTF-16; save it as UTF-8",
    b"\xfe\xff": "UTF-16; save it as UTF-8",
    b"\x89HDF": "an HDF5 file; save it as CSV or .npy",
}


class Block(NamedTuple):
    """Some rows on end.

    Args:
        rows: of equal width.
        lines: (N,) the line each begins on, counted from 1.
    """

    rows: list[list[str]]
    lines: list[int]


def read_header(file: Path, *, separator: str = ",") -> list[str]:
    """The first row; the rest is not read.

    Raises:
        BadInput: if there is none.
    """
    for block in csv_blocks(file, separator=separator, block_rows=1):
        return block.rows[0]
    raise BadInput(f"{file}: is empty; give a table with a header and rows")


def csv_blocks(file: Path, *, separator: str = ",", block_rows: int = BLOCK_ROWS) -> Iterator[Block]:
    """All rows, the header among them, in blocks; lines without anything may stand at the end alone.

    Raises:
        BadInput: for a file that cannot be read, is no UTF-8 text, leaves a quote open, or has rows that
            differ in width.
    """
    with reading(file), file.open("rb") as stream:
        refuse_other_types(file, stream.peek(4))
        yield from _blocks(file, stream, separator, block_rows)


def refuse_other_types(file: Path, head: bytes) -> None:
    """Say what a file is that begins as another type does."""
    for magic, what in MAGIC.items():
        if head.startswith(magic):
            raise BadInput(f"{file}: is no CSV but {what}")


def _blocks(file: Path, stream: BinaryIO, separator: str, block_rows: int) -> Iterator[Block]:
    reader = csv.reader(_lines(file, stream), delimiter=separator, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    width, empty, begins = None, None, 1
    try:
        for row in reader:
            if not row:
                empty = empty or begins
            elif empty is not None:
                raise BadInput(f"{file}:{empty}: an empty line between rows; take it out")
            else:
                width = width or len(row)
                if len(row) != width:
                    raise BadInput(
                        f"{file}:{begins}: {_columns(len(row))} where the first row has {width}; "
                        "every row must have as many (a separator inside a value needs quotes)"
                    )
                rows.append(row)
                lines.append(begins)
                if len(rows) == block_rows:
                    yield Block(rows, lines)
                    rows, lines = [], []
            begins = reader.line_num + 1
    except csv.Error as error:
        raise BadInput(f"{file}:{begins}: {_explained(str(error))}") from error
    if rows:
        yield Block(rows, lines)


def _columns(count: int) -> str:
    return "1 column" if count == 1 else f"{count} columns"


def _explained(reason: str) -> str:
    if "unexpected end of data" in reason or "field larger than" in reason:
        return "a quote opens here and is never closed; close it, or double a quote that is meant as such"
    if "new-line character" in reason:
        return "lines end in CR alone; save the file with line ends LF or CRLF"
    return f"is not CSV ({reason}); double a quote inside a quoted value"


def _lines(file: Path, stream: BinaryIO) -> Iterator[str]:
    number = 0
    while raw := stream.readline(LONGEST_LINE + 1):
        number += 1
        if len(raw) > LONGEST_LINE:
            raise BadInput(
                f"{file}:{number}: a line of more than {LONGEST_LINE:,} bytes; a table has shorter rows"
            )
        if b"\0" in raw:
            raise BadInput(f"{file}:{number}: NUL byte, so this is not plain text; give UTF-8 text")
        try:
            yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise BadInput(
                f"{file}:{number}: not UTF-8 (0x{raw[error.start]:02x} at byte {error.start + 1} of the "
                "line); convert it, for example with `iconv -f latin1 -t utf-8`"
            ) from error
