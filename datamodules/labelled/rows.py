"""Labelled rows: texts and their labels, one after another, from any of the forms they come in."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from datamodules.collecting.findings import BadOnes
from datamodules.labelled.columns import SAMPLE_ROWS, Columns, Picked
from datamodules.labelled.files import PART_OF, Source
from datamodules.labelled.tables import Dialect, read_table
from datamodules.texts.utf8 import fault, text_lines, whole_text
from elman.errors import BadInput


class Row(NamedTuple):
    """One text.

    Args:
        line: where it begins, counted from 1; of a parquet file the row; 0: the text is all of the file.
        group: what stays on one side of a split; empty without such a column.
        part: "train", "val" or "test", where the data has it.
    """

    line: int
    text: str
    label: str
    group: str
    part: str | None


class _UnusableError(Exception):
    """What is wrong with a value, and a way out."""


def rows_of(
    source: Source, *, columns: Columns, dialect: Dialect, bad: BadOnes, notes: list[str]
) -> Iterator[Row]:
    """The texts of one file, read as a stream. Lines without anything hold no text and are passed over.

    Args:
        columns: which column is what, where the file is a table.
        dialect: how files are written.
        bad: whether rows that cannot be used are refused or skipped.
        notes: takes a line on which columns of a table were taken.

    Raises:
        BadInput: for a file that cannot be read, and bad rows that are not skipped.
    """
    file = source.file
    rows: Iterable[tuple[int, Sequence[Any]]]
    places: tuple[int, int | None, int | None, int | None] = (0, None, None, None)
    if source.form == "table":
        picked, rows = _table_rows(file, columns, dialect, bad, notes)
        places, if_none = picked[:4], "has a header and no rows; give texts and labels"
    elif source.form == "text":
        rows, if_none = _whole(file, dialect.encoding, bad), ""
    else:
        raw_lines = text_lines(file, dialect.encoding)
        lines = enumerate((raw.rstrip("\r\n") for raw in raw_lines), start=1)
        rows = ((line, [text]) for line, text in lines if text)
        if_none = "is empty; give a text in every line, or take the file out"
    text, label, group, part = places
    for line, values in rows:
        if_none = ""
        try:
            yield Row(
                line,
                _sound_text(values[text]),
                str(source.label) if label is None else _sound_label(values[label]),
                "" if group is None else str(values[group]),
                source.part if part is None else _sound_part(values[part]),
            )
        except _UnusableError as error:
            name = f"{file}:{line}" if line else str(file)
            with bad.checking(name):
                raise BadInput(f"{name}: {error}") from error
    if if_none:
        raise BadInput(f"{file}: {if_none}")


def _whole(file: Path, encoding: str, bad: BadOnes) -> Iterator[tuple[int, list[str]]]:
    with bad.checking(str(file)):
        yield 0, [whole_text(file, encoding)]


def _table_rows(
    file: Path, columns: Columns, dialect: Dialect, bad: BadOnes, notes: list[str]
) -> tuple[Picked, Iterator[tuple[int, Sequence[Any]]]]:
    table = read_table(file, dialect=dialect, bad=bad)
    sample = list(islice(table.rows, SAMPLE_ROWS + 1))
    if not sample:
        raise BadInput(f"{file}: has no rows; give texts and labels")
    picked = columns.pick(file, table.names, [values for _, values in sample])
    notes.append(f"{file.name}: {picked}{f'; {table.how}' if table.how else ''}")
    return picked, chain(sample[picked.first_is_header :], table.rows)


def _sound_text(value: Any) -> str:
    """`value` if it is text that can be used."""
    if value is None or (isinstance(value, str) and not value.strip()):
        raise _UnusableError("empty text; give at least a character")
    if not isinstance(value, str):
        raise _UnusableError(f"the text is no text; it is the {type(value).__name__} {str(value)[:40]}")
    return _plain(value)


def _sound_label(value: Any) -> str:
    """The label as text; whole numbers without a point, so that 1 and 1.0 are one class."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, int):
        return str(value)
    if value is None or isinstance(value, float) or (isinstance(value, str) and not value.strip()):
        raise _UnusableError("missing label; give text or a number")
    if not isinstance(value, str):
        raise _UnusableError(f"the label is neither text nor a number; it is a {type(value).__name__}")
    return _plain(value).strip()


def _plain(text: str) -> str:
    if (wrong := fault(text)) is not None:
        raise _UnusableError(wrong)
    return text


def _sound_part(value: Any) -> str | None:
    name = "" if value is None else str(value).strip()
    if name and name.lower() not in PART_OF:
        raise _UnusableError(f"unknown part; {str(value)[:40]!r} is none of {', '.join(PART_OF)}")
    return PART_OF.get(name.lower())


def label_order(labels: Sequence[str]) -> list[str]:
    """Different labels in the order of their class numbers: as numbers where all are, else as text."""
    different = set(labels)
    try:
        return sorted(different, key=lambda label: (float(label), label))
    except ValueError:
        return sorted(different)
