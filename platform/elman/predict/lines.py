"""Predictions in lines, as CSV or as JSON."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import isfinite
from typing import Any, TextIO

from elman.errors import BadInput

FORMATS = ("csv", "jsonl")
ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


class Lines:
    """Writes one line a record: CSV under a header of the first one's names, or JSON objects.

    Floats have six significant digits.

    Args:
        file: where they go.
        form: csv or jsonl.
        escape: in CSV, write what would break a line as in a Python string, a line end as `\\n` and a
            backslash as `\\\\`, for programs that read line by line.
    """

    def __init__(self, file: TextIO, *, form: str, escape: bool = False) -> None:
        self.file, self.form, self.escape = file, form, escape
        self._writer: Any = None

    def write(self, record: Mapping[str, Any]) -> None:
        """Write values; None is an empty cell, or null, and so is what is not finite in JSON."""
        if self.form == "jsonl":
            values = {name: _plain(value) for name, value in record.items()}
            self.file.write(json.dumps(values, ensure_ascii=False) + "\n")
            return
        if self._writer is None:
            self._writer = csv.writer(self.file, lineterminator="\n")
            self._writer.writerow(record)
        self._writer.writerow([_cell(value, self.escape) for value in record.values()])


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}") if isfinite(value) else None  # JSON knows no others
    return value


def _cell(value: Any, escape: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value).translate(ESCAPES) if escape else str(value)


@contextmanager
def opened(output: str) -> Iterator[TextIO]:
    """The file `output`, or standard output for "-", in UTF-8 whatever the terminal's language.

    Raises:
        BadInput: if the file cannot be written, at first or when the disk is full.
    """
    if output == "-":
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(encoding="utf-8")
        yield sys.stdout
        return
    try:
        file = open(output, "w", newline="", encoding="utf-8")  # noqa: SIM115
    except OSError as error:
        raise BadInput(f"--output={output} cannot be written: {error.strerror}") from error
    try:
        with file:
            yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.filename is not None:  # of another file
            raise
        raise BadInput(
            f"--output={output} cannot be written to its end: {error.strerror}; make room, or name a file "
            "elsewhere"
        ) from error
