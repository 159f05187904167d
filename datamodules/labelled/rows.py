"""Labelled rows: texts and their labels, one after another, from any of the forms they come in."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any, NamedTuple

from datamodules.collecting.findings import BadOnes
from datamodules.labelled.columns import SAMPLE_ROWS, Columns
from datamodules.labelled.files import PART_OF, Source
from datamodules.labelled.tables import Dialect, read_table
from datamodules.texts.utf8 import fault, text_lines, whole_text
from elman.errors import BadInput


class Row(NamedTuple):
    """One text.

    Args:
        line: where it begins, counted from 1; of a parquet file the row; 0: the text is all of the file.
        group: what stays on one side of a split; empty without such a column.
        part: "train", "val" or "test", where the data says so.
    """

    line: int
    text: str
    label: str
    group: str
    part: str | None


def rows_of(
    source: Source, *, columns: Columns, dialect: Dialect, bad: BadOnes, told: list[str]
) -> Iterator[Row]:
    """The texts of one file, read as a stream. Lines without anything hold no text and are passed over.

    Args:
        columns: which column is what, where the file is a table.
        dialect: how a CSV or TSV file is written.
        bad: whether rows that cannot be used are refused or skipped.
        told: takes a line on which columns of a table were taken.

    Raises:
        BadInput: for a file that cannot be read, and bad rows that are not skipped.
    """
    file = source.file
    if source.form == "table":
        yield from _table_rows(source, columns, dialect, bad, told)
    elif source.form == "text":
        with bad.checking(str(file)):
            text = sound_text(str(file), whole_text(file))
            yield Row(0, text, str(source.label), "", source.part)
    else:
        seen = False
        for line, raw in enumerate(text_lines(file), start=1):
            text, name = raw.rstrip("\r\n"), f"{file}:{line}"
            if text:
                seen = True
                with bad.checking(name):
                    yield Row(line, sound_text(name, text), str(source.label), "", source.part)
        if not seen:
            raise BadInput(f"{file}: is empty; give a text in every line, or take the file out")


def _table_rows(
    source: Source, columns: Columns, dialect: Dialect, bad: BadOnes, told: list[str]
) -> Iterator[Row]:
    file = source.file
    table = read_table(file, dialect=dialect, bad=bad)
    sample = list(islice(table.rows, SAMPLE_ROWS + 1))
    if not sample:
        raise BadInput(f"{file}: has no rows; give texts and labels")
    picked = columns.pick(file, table.names, [values for _, values in sample])
    told.append(f"{file.name}: {picked}")
    rows = chain(sample[1:] if picked.first_is_header else sample, table.rows)
    seen = False
    for line, values in rows:
        seen, name = True, f"{file}:{line}"
        with bad.checking(name):
            text = sound_text(name, values[picked.text])
            label = sound_label(name, values[picked.label])
            group = "" if picked.group is None else str(values[picked.group])
            part = source.part if picked.part is None else _part(name, values[picked.part])
            yield Row(line, text, label, group, part)
    if not seen:
        raise BadInput(f"{file}: has a header and no rows; give texts and labels")


def sound_text(name: str, value: Any) -> str:
    """`value` if it is text that can be used.

    Raises:
        BadInput: naming `name`.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        raise BadInput(f"{name}: empty text; give at least a character")
    if not isinstance(value, str):
        raise BadInput(f"{name}: the text is no text; it is the {type(value).__name__} {str(value)[:40]}")
    if (wrong := fault(value)) is not None:
        raise BadInput(f"{name}: {wrong}")
    return value


def sound_label(name: str, value: Any) -> str:
    """The label as text; whole numbers without a point, so that 1 and 1.0 are one class.

    Raises:
        BadInput: naming `name`.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, int):
        return str(value)
    if value is None or isinstance(value, float) or (isinstance(value, str) and not value.strip()):
        raise BadInput(f"{name}: missing label; give text or a number")
    if not isinstance(value, str):
        raise BadInput(f"{name}: the label is neither text nor a number; it is a {type(value).__name__}")
    if (wrong := fault(value)) is not None:
        raise BadInput(f"{name}: {wrong}")
    return value.strip()


def _part(name: str, value: Any) -> str | None:
    if value is None or not str(value).strip():
        return None
    part = PART_OF.get(str(value).strip().lower())
    if part is None:
        raise BadInput(f"{name}: unknown part; {str(value)[:40]!r} is none of {', '.join(PART_OF)}")
    return part


def label_order(labels: Sequence[str]) -> list[str]:
    """Different labels in the order of their class numbers: as numbers where all are, else as text."""
    different = set(labels)
    try:
        return sorted(different, key=lambda label: (float(label), label))
    except ValueError:
        return sorted(different)
