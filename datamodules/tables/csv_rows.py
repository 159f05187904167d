"""The rows of a CSV file with their lines; what could only be half read is refused by its line."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from datamodules.files import reading
from datamodules.texts.utf8 import refuse_other_types
from elman.errors import BadInput

LONGEST_LINE = 1 << 20
csv.field_size_limit(16 << 20)  # by default 128 KiB, and a longer text would pass for a quote left open


def csv_rows(file: Path, *, separator: str = ",") -> Iterator[tuple[int, list[str]]]:
    """All rows, the header among them, and the line each begins on; empty lines may only end the file.

    Raises:
        BadInput: for a file that cannot be read, is no UTF-8 text, leaves a quote open, or has rows that
            differ in width.
    """
    width, empty = 0, 0
    for line, row in numbered_rows(_lines(file), file, explained=_explained, delimiter=separator):
        if not row:
            empty = empty or line
            continue
        if empty:
            raise BadInput(f"{file}:{empty}: an empty line between rows; take it out")
        width = width or len(row)
        if len(row) != width:
            columns = "1 column" if len(row) == 1 else f"{len(row)} columns"
            raise BadInput(
                f"{file}:{line}: {columns} where the first row has {width}; "
                "every row must have as many (a separator inside a value needs quotes)"
            )
        yield line, row


def numbered_rows(
    lines: Iterable[str], file: Path, *, explained: Callable[[str], str], **dialect: Any
) -> Iterator[tuple[int, list[str]]]:
    """Rows of any width and the line each begins on, counted from 1; of an empty line a row of nothing.

    Args:
        explained: the error of `csv` for a broken row -> the text of the message.
        dialect: arguments of `csv.reader`.

    Raises:
        BadInput: for a broken row.
    """
    reader = csv.reader(lines, strict=True, **dialect)
    begins = 1
    try:
        for row in reader:
            yield begins, row
            begins = reader.line_num + 1
    except csv.Error as error:
        raise BadInput(f"{file}:{begins}: {explained(str(error))}") from error


def _explained(reason: str) -> str:
    if "unexpected end of data" in reason or "field larger than" in reason:
        return "a quote opens here and is never closed; close it, or double a quote that is meant as such"
    if "new-line character" in reason:
        return "lines end in CR alone; save the file with line ends LF or CRLF"
    return f"is not CSV ({reason}); double a quote inside a quoted value"


def _lines(file: Path) -> Iterator[str]:
    with reading(file), file.open("rb") as stream:
        refuse_other_types(file, stream.peek(4))
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
