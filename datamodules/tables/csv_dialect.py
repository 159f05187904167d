"""How a delimited file is written: its lines, Excel's first line, and what stands between values."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from datamodules.files import broken_utf8, open_utf8, reading
from datamodules.texts.utf8 import refuse_other_types
from elman.errors import BadInput

LONGEST_LINE = 1 << 20
SEPARATORS = "\t;|,"
SAMPLE_LINES = 200
"""Lines that decide what stands between values."""

EXCEL = re.compile(r'"?sep=(.)\1*"?\r?\n?', re.IGNORECASE)


class Written(NamedTuple):
    """How a file is written.

    Args:
        separator: between the values of a row.
        lines_before: lines before the first row.
        how: how the separator is known: given, found, or said by Excel's line.
    """

    separator: str
    lines_before: int
    how: str

    def __str__(self) -> str:
        return f"separator {'tab' if self.separator == chr(9) else repr(self.separator)} ({self.how})"


def look(
    file: Path,
    lines: Iterable[str],
    *,
    separator: str | None,
    quote: str | None = '"',
    otherwise: str = ",",
    argument: str = "separator",
) -> Written:
    """How a file is written, by its first lines.

    A first line such as `sep=;` is Excel's: it names the separator and is no row. A separator that nobody
    gives is the first of tab, semicolon, bar and comma that splits most of the first 200 lines into as many
    values as the first, more than one.

    Args:
        lines: of the file.
        separator: as given; None: to be found.
        otherwise: the separator where none splits the lines.
        argument: that gives `separator`, for the message.

    Raises:
        BadInput: if Excel's line names another separator than the one given.
    """
    first = list(islice(lines, SAMPLE_LINES if separator is None else 1))
    if first and (excel := EXCEL.fullmatch(first[0])):
        if separator not in (None, excel[1]):
            raise BadInput(
                f"{file}:1: says {first[0].strip()!r}, but data.{argument} is {separator!r}; "
                f"leave data.{argument} out (null)"
            )
        return Written(excel[1], 1, "by its line sep=")
    if separator is not None:
        return Written(separator, 0, "given")
    return Written(_found(first, quote, otherwise), 0, "found")


def _found(lines: Sequence[str], quote: str | None, otherwise: str) -> str:
    best, most = otherwise, 0.0
    quoting: Any = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    quoted = quote is not None and any(quote in line for line in lines)
    for each in SEPARATORS:
        if each == "," != otherwise and not quoted:  # then a comma is the decimal sign
            continue
        widths = []
        try:
            for row in csv.reader(lines, delimiter=each, quotechar=quote, quoting=quoting):
                widths += [len(row)] if row else []
        except csv.Error:  # the reader proper refuses it, with its line
            pass
        share = widths.count(widths[0]) / len(widths) if widths and widths[0] > 1 else 0.0
        best, most = (each, share) if share > most else (best, most)
    return best


def csv_lines(file: Path, encoding: str | None = None) -> Iterator[str]:
    """The lines of a file with their ends; a byte order mark is dropped.

    Args:
        encoding: as `open_utf8` has it.

    Raises:
        BadInput: if it cannot be read, or holds a line that is no text or longer than 1 MiB.
    """
    with reading(file), open_utf8(file, encoding) as stream:
        refuse_other_types(file, stream.peek(4))  # type: ignore[attr-defined]
        number, wide = 0, False
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
                is_last, given = raw[-1:] != b"\n", encoding is not None
                wrong = broken_utf8(raw, wide_before=wide, is_last=is_last, has_argument=given)
                raise BadInput(f"{file}:{number}: {wrong}") from error
            wide = wide or not raw.isascii()
