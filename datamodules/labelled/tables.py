"""Labelled tables: rows of CSV, TSV, JSON lines and parquet files, read as a stream."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from datamodules.collecting.findings import BadOnes
from datamodules.files import UTF8, check_encoding, reading
from datamodules.labelled.columns import SAMPLE_ROWS
from datamodules.tables.csv_dialect import Written, look
from datamodules.tables.csv_rows import numbered_rows
from datamodules.tables.parquet import PARQUET, reading_parquet
from datamodules.texts.utf8 import fault, text_lines
from elman.errors import BadInput

DELIMITERS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
JSON_LINES = (".jsonl", ".ndjson", ".json")
BATCH_ROWS = 1024


class Table(NamedTuple):
    """A table being read.

    Args:
        names: of its columns, where the format has them; None: they may be the first row.
        rows: (line, values), as many values in each; the line counted from 1, of parquet the row.
        how: how a delimited file is written, in words.
    """

    names: list[str] | None
    rows: Iterator[tuple[int, Sequence[Any]]]
    how: str = ""


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How a CSV or TSV file is written.

    Args:
        delimiter: what stands between columns; None: what `look` finds in .csv, a tab in .tsv and .tab.
        quote: what a value with delimiters or line ends in it stands in; None: nothing, every quote is text.
        encoding: of all files but parquet.

    Raises:
        ValueError: if one is not a single character, or the encoding is unknown.
    """

    delimiter: str | None = None
    quote: str | None = '"'
    encoding: str = UTF8

    def __post_init__(self) -> None:
        for name, value in (("delimiter", self.delimiter), ("quote", self.quote)):
            if value is not None and (len(value) != 1 or value in "\r\n\0"):
                raise ValueError(f"{name} must be one character, not a line end, got {value!r}")
        if self.delimiter is not None and self.delimiter == self.quote:
            raise ValueError(f"delimiter and quote must differ, got {self.quote!r} for both")
        check_encoding(self.encoding)


def read_table(file: Path, *, dialect: Dialect, bad: BadOnes) -> Table:
    """The rows of a table; its suffix decides the form, and a given delimiter makes any other one CSV.

    Args:
        bad: whether rows that do not fit the columns are refused or skipped. A quote that is left open
            is always refused: no later row can be trusted.

    Raises:
        BadInput: if the file cannot be read as what its suffix names.
    """
    with reading(file):
        size = file.stat().st_size
    if not size:
        raise BadInput(f"{file}: is empty; give texts and labels")
    suffix = file.suffix.lower()
    if suffix in JSON_LINES:
        return _json_lines(file, dialect.encoding, bad)
    if suffix in PARQUET:
        return _parquet(file)
    delimiter = dialect.delimiter or DELIMITERS.get(suffix)
    if delimiter is None:
        known = ", ".join((*DELIMITERS, *JSON_LINES, *PARQUET))
        raise BadInput(
            f"{file}: its suffix {suffix!r} names no kind of table ({known}); "
            "rename it, or set data.delimiter to what stands between columns"
        )
    written = look(
        file,
        text_lines(file, dialect.encoding),
        separator=None if dialect.delimiter is None and suffix == ".csv" else delimiter,
        quote=dialect.quote,
        argument="delimiter",
    )
    return Table(None, _delimited(file, written, dialect, bad), str(written))


def _delimited(
    file: Path, written: Written, dialect: Dialect, bad: BadOnes
) -> Iterator[tuple[int, Sequence[str]]]:
    """The rows, by Arrow as far as it reads them as `csv` does."""
    from pyarrow import ArrowInvalid

    from datamodules.tables.csv_columns import arrow_batches

    _, first = next(_csv_rows(file, written, dialect, bad), (0, []))
    done = 0
    try:
        for columns in arrow_batches(
            file,
            range(len(first)),
            width=len(first),
            separator=written.separator,
            quote=dialect.quote,
            header=False,
            encoding=dialect.encoding,
            lines_before=written.lines_before,
        ):
            yield from enumerate(_rows(columns), start=written.lines_before + done + 1)
            done += len(columns[0])
    except ArrowInvalid:
        yield from islice(_csv_rows(file, written, dialect, bad), done, None)


def _csv_rows(
    file: Path, written: Written, dialect: Dialect, bad: BadOnes
) -> Iterator[tuple[int, list[str]]]:
    quoting: Any = csv.QUOTE_NONE if dialect.quote is None else csv.QUOTE_MINIMAL
    lines = islice(text_lines(file, dialect.encoding), written.lines_before, None)
    width = 0
    for line, row in numbered_rows(
        lines,
        file,
        explained=_quote_fault,
        first=written.lines_before + 1,
        delimiter=written.separator,
        quotechar=dialect.quote,
        quoting=quoting,
    ):
        name = f"{file}:{line}"
        if row:
            with bad.checking(name):
                width = width or len(row)
                if len(row) != width:
                    raise BadInput(
                        f"{name}: ragged row; it has {len(row)} columns, the first row {width}: "
                        "a delimiter inside a value needs quotes"
                    )
                yield line, row


def _quote_fault(reason: str) -> str:
    if "unexpected end of data" in reason or "field larger than" in reason:
        what = "a quote opens in this row and is never closed; close it"
    elif "new-line character" in reason:
        return "lines end in CR alone; save the file with line ends LF or CRLF"
    else:
        what = f"the row's quotes are not those of CSV ({reason}); double a quote that is text"
    return f"{what}, or set data.quote=null where quotes are text"


def _json_lines(file: Path, encoding: str, bad: BadOnes) -> Table:
    objects = _json_objects(file, encoding, bad)
    sample = list(islice(objects, SAMPLE_ROWS + 1))
    names = list(dict.fromkeys(key for _, found in sample for key in found))
    rows = ((line, [found.get(name) for name in names]) for line, found in chain(sample, objects))
    return Table(names, rows)


def _json_objects(file: Path, encoding: str, bad: BadOnes) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, raw in enumerate(text_lines(file, encoding), start=1):
        name = f"{file}:{line}"
        if line == 1 and raw.lstrip().startswith("["):
            raise BadInput(
                f"{file}: is one JSON array, not an object in every line; "
                "write it so, for example with `jq -c '.[]'`"
            )
        if not raw.strip():
            continue
        with bad.checking(name):
            if (wrong := fault(raw)) is not None:
                raise BadInput(f"{name}: {wrong}")
            try:
                found = json.loads(raw)
            except (ValueError, RecursionError) as error:
                raise BadInput(f"{name}: broken JSON; {error}") from error
            if not isinstance(found, dict):
                raise BadInput(f"{name}: not a JSON object; it is a {type(found).__name__}")
            yield line, found


def _parquet(file: Path) -> Table:
    from pyarrow.parquet import ParquetFile

    with reading_parquet(file, lambda why: f"is no parquet file or a damaged one ({why})"):
        opened = ParquetFile(file)

    def rows() -> Iterator[tuple[int, Sequence[Any]]]:
        done = 0
        with reading_parquet(file, lambda why: f"damaged after row {done} ({why}); write it anew"):
            for batch in opened.iter_batches(batch_size=BATCH_ROWS):
                yield from enumerate(_rows(batch.columns), start=done + 1)
                done += batch.num_rows

    return Table(list(opened.schema_arrow.names), rows())


def _rows(columns: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The rows of Arrow's columns."""
    return list(zip(*(column.to_pylist() for column in columns), strict=True))
