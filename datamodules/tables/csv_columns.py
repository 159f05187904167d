"""The columns of a CSV file, parsed by Arrow where it reads the file as Python's `csv` does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

from datamodules.files import is_utf8, open_utf8
from datamodules.tables.csv_dialect import LONGEST_LINE

BLOCK = LONGEST_LINE // 4
"""Bytes read at a time; Arrow takes no row longer than that, and holds some 30 blocks."""

(NEWLINE,) = b"\n"


def arrow_batches(
    file: Path,
    places: Sequence[int],
    *,
    width: int,
    separator: str,
    quote: str | None = '"',
    header: bool,
    encoding: str | None = None,
    lines_before: int = 0,
) -> Iterator[list[pa.Array]]:
    """Some columns as strings, a batch of rows at a time. Every row takes one line of the file.

    Args:
        places: numbers of the columns.
        width: how many there are.
        quote: what a value that holds separators stands in; None: quotes are text.
        header: whether the first row is left out.
        encoding: as `open_utf8` has it.
        lines_before: lines before the first row.

    Raises:
        pyarrow.ArrowInvalid: for a file that Python's `csv` must read: it is broken, or written in a way that
            the two read differently.
        OSError: if it cannot be read.
    """
    if not is_plain(file, separator, quote, encoding):
        raise pa.ArrowInvalid(f"{file} is not plain")
    names = [str(place) for place in range(width)]
    wanted = [names[place] for place in places]
    with open_utf8(file, encoding) as stream:
        reader = csv.open_csv(
            file if is_utf8(encoding) else stream,
            read_options=csv.ReadOptions(
                use_threads=False,
                block_size=BLOCK,
                column_names=names,
                skip_rows=lines_before,
                skip_rows_after_names=int(header),
            ),
            parse_options=csv.ParseOptions(delimiter=separator, quote_char=quote or False),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), include_columns=wanted, check_utf8=False
            ),
        )
        for batch in reader:
            yield batch.columns


def most_rows(file: Path, encoding: str | None = None) -> int:
    """The lines of a file, of which a row takes one or more."""
    with open_utf8(file, encoding) as stream:
        return 1 + sum(block.count(b"\n") for block in iter(lambda: stream.read(BLOCK), b""))


def is_plain(file: Path, separator: str, quote: str | None, encoding: str | None = None) -> bool:
    """Whether a file is text of whole, closed and not too long lines, every quote where CSV has it."""
    if not f"{separator}{quote}".isascii() or separator in "\r\n\0" or separator == quote:
        return False
    with open_utf8(file, encoding) as stream:
        rest = b""  # the last line, with empty ones behind it: these may end the file
        while block := stream.read(BLOCK):
            text = (rest + block).rstrip(b"\r\n")
            empty = (rest + block)[len(text) :]
            lines, end, last = text.rpartition(b"\n")
            rest = last + empty
            if len(rest) > BLOCK or not _plain_lines(b"\n" + lines + end, separator, quote):
                return False
    return not rest or _plain_lines(b"\n" + rest.rstrip(b"\r\n") + b"\n", separator, quote)


def _plain_lines(lines: bytes, separator: str, quote: str | None) -> bool:
    """The same of whole lines, with the end of the one before them."""
    if b"\0" in lines or b"\n\n" in lines or b"\n\r\n" in lines:
        return False
    if b"\r" in lines and lines.count(b"\r") != lines.count(b"\r\n"):
        return False
    try:
        _ = lines.isascii() or lines.decode()
    except UnicodeDecodeError:
        return False
    if quote is None or quote.encode() not in lines:
        return True
    return _plain_quotes(np.frombuffer(lines, np.uint8), ord(separator), ord(quote))


def _plain_quotes(lines: np.ndarray, separator: int, quote: int) -> bool:
    """Whether each quote opens or closes a whole value of one line, or is doubled inside one."""
    quotes, ends = np.flatnonzero(lines == quote), np.flatnonzero(lines == NEWLINE)
    opening, closing = quotes[::2], quotes[1::2]
    if len(quotes) % 2 or (np.searchsorted(ends, opening) != np.searchsorted(ends, closing)).any():
        return False
    before, after = lines[opening - 1], lines[closing + 1]
    return bool(
        np.isin(before, (separator, NEWLINE, quote)).all()
        and np.isin(after, (separator, NEWLINE, quote, *b"\r")).all()
    )
