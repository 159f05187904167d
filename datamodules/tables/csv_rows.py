"""The rows of a CSV file with their lines; what could only be half read is refused by its line."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from datamodules.tables.csv_dialect import csv_lines, look
from elman.errors import BadInput

csv.field_size_limit(16 << 20)  # by default 128 KiB, and a longer text would pass for a quote left open


def csv_rows(
    file: Path,
    *,
    separator: str | None = ",",
    encoding: str | None = None,
    quote: str | None = '"',
) -> Iterator[tuple[int, list[str]]]:
    """All rows, the header among them, and the line each begins on; empty lines may only end the file.

    Args:
        separator: between values; None: found, as `look` has it, which also says what Excel puts first.
        encoding: as `open_utf8` has it.
        quote: what a value with separators in it stands in; None: quotes are text.

    Raises:
        BadInput: for a file that cannot be read, is no text, leaves a quote open, or has rows that differ
            in width.
    """
    width, empty = 0, 0
    separator, before, _ = look(file, csv_lines(file, encoding), separator=separator)
    lines = islice(csv_lines(file, encoding), before, None)
    quoting = {"quotechar": quote, "quoting": csv.QUOTE_NONE if quote is None else csv.QUOTE_MINIMAL}
    for line, row in numbered_rows(
        lines, file, explained=_explained, first=before + 1, delimiter=separator, **quoting
    ):
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
    lines: Iterable[str], file: Path, *, explained: Callable[[str], str], first: int = 1, **dialect: Any
) -> Iterator[tuple[int, list[str]]]:
    """Rows of any width and the line each begins on, counted from 1; of an empty line a row of nothing.

    Args:
        explained: the error of `csv` for a broken row -> the text of the message.
        first: number of the first line.
        dialect: arguments of `csv.reader`.

    Raises:
        BadInput: for a broken row.
    """
    reader = csv.reader(lines, strict=True, **dialect)
    begins = first
    try:
        for row in reader:
            yield begins, row
            begins = reader.line_num + first
    except csv.Error as error:
        raise BadInput(f"{file}:{begins}: {explained(str(error))}") from error


def _explained(reason: str) -> str:
    if "unexpected end of data" in reason or "field larger than" in reason:
        return "a quote opens here and is never closed; close it, or double a quote that is meant as such"
    if "new-line character" in reason:
        return "lines end in CR alone; save the file with line ends LF or CRLF"
    return f"is not CSV ({reason}); double a quote inside a quoted value"
