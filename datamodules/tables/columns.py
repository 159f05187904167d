"""Columns of a CSV or parquet file, a block of rows at a time."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datamodules.files import UTF8, reading
from datamodules.tables.cells import Cells, Where
from datamodules.tables.csv_columns import arrow_batches, most_rows
from datamodules.tables.csv_dialect import csv_lines, look
from datamodules.tables.csv_rows import csv_rows
from datamodules.tables.marks import MISSING_MARKS, Marks
from datamodules.tables.numerals import PLAIN, Numerals
from datamodules.tables.parquet import PARQUET, reading_parquet
from elman.errors import BadInput

SAMPLE_ROWS = 1000
"""Rows that decide which columns are numbers and which are text."""
BLOCK_ROWS = 4096
Names = str | tuple[str, ...]
"""A column; of several, cells are joined with a blank between."""


class Reader(Protocol):
    """Turns the cells of a column into an array of as many numbers of one kind."""

    kind: Any

    def __call__(self, cells: Cells, where: Where) -> np.ndarray: ...


class Fault(NamedTuple):
    """Why a column is no numeric one.

    Args:
        place: of its first cell that is neither number nor mark, for a message.
        cell: what stands there; None: the column has no value in its first rows.
        others: its first cells.
    """

    place: str
    cell: str | None
    others: list[str]


class TableFile:
    """A CSV file with a header, or a parquet file; columns are read by name.

    Args:
        file: where it lies.
        separator: between the values of a CSV row; None: found, as `look` has it.
        header: whether the first row names the columns; else they are called 0, 1, 2, ...
        encoding: of a CSV file.
        numerals: how its numbers are written.

    Raises:
        BadInput: if it cannot be read, or has no row.
    """

    def __init__(
        self,
        file: Path,
        *,
        separator: str | None = None,
        header: bool = True,
        encoding: str | None = None,
        numerals: Numerals = PLAIN,
    ) -> None:
        self.file, self.header, self.encoding, self.numerals = file, header, encoding, numerals
        self.parquet = file.suffix.lower() in PARQUET
        self.names: list[str]
        self.sample: list[list[str]]
        self.times: set[str] = set()  # columns that are typed as such
        self.numbers: set[str] = set()
        self._rows = 0  # that were read
        self._lines = array("q")  # of every row, where they do not follow from its number
        if self.parquet:
            schema = self._opened().schema_arrow
            self.names = list(schema.names)
            self.times = {field.name for field in schema if _is_time(field.type)}
            self.numbers = {field.name for field in schema if _is_numeric(field.type)}
        else:
            otherwise = ";" if numerals.decimal == "," else ","
            self.written = look(file, csv_lines(file, encoding), separator=separator, otherwise=otherwise)
            self.names, self.sample = self._look()

    def __len__(self) -> int:
        """How many rows `read` has found."""
        return self._rows

    @property
    def how(self) -> str:
        """How the file is written, for the summary; empty of a parquet file."""
        if self.parquet:
            return ""
        encoding = "" if (self.encoding or UTF8).lower() == UTF8 else f"encoding {self.encoding}"
        return ", ".join(filter(None, (str(self.written), encoding, str(self.numerals))))

    def _look(self) -> tuple[list[str], list[list[str]]]:
        """Names of the columns, and cells of each, from the first rows."""
        found = list(islice(self._rows_of_csv(), SAMPLE_ROWS))
        self._sampled, rows = [line for line, _ in found[self.header :]], [row for _, row in found]
        if not rows:
            raise BadInput(f"{self.file}: is empty; give a table with a header and rows")
        line = self.written.lines_before + 1
        if not self.header:
            sample = list(map(list, zip(*rows, strict=True)))
            if all(map(_is_name, rows[0])) and any(self._are_numbers(cells[1:]) for cells in sample):
                raise BadInput(
                    f"{self.file}:{line}: names the columns ({rows[0][0]!r} ...), but data.header=false; "
                    "set data.header=true"
                )
            return [str(number) for number in range(len(rows[0]))], sample
        names = [name.strip() for name in rows[0]]
        if not any(np.isnan(self.numerals.value(name)) for name in names):
            raise BadInput(
                f"{self.file}:{line}: the first row holds numbers alone, so it names no columns; "
                "set data.header=false and give columns by number"
            )
        if len(rows) == 1:
            raise BadInput(f"{self.file}: holds a header and no row; give rows")
        return names, list(map(list, zip(*rows[1:], strict=True)))

    def _are_numbers(self, cells: Sequence[str]) -> bool:
        return bool(cells) and not np.isnan(self._numbers(cells)).any()

    def _numbers(self, cells: Sequence[str]) -> np.ndarray:
        return self.numerals.values(pa.array([cell.strip() for cell in cells], pa.string()))

    def column(self, wanted: str | int, *, argument: str) -> str:
        """The name of a column given by name, or by number from 0.

        Raises:
            BadInput: if there is none, or several.
        """
        name = str(wanted)
        if name not in self.names and name.lstrip("-").isdigit():
            number = int(name)
            if -len(self.names) <= number < len(self.names):
                name = self.names[number]
        if name in self.names and self.names.count(name) == 1:
            return name
        if name in self.names:
            raise BadInput(
                f"{self.file}: data.{argument} names {name!r}, which is the name of several columns"
            )
        shown = ", ".join(self.names[:12]) + (", ..." if len(self.names) > 12 else "")
        hint = ""
        if len(self.names) == 1 and (other := next((s for s in ";\t|," if s in shown), None)):
            hint = f", or set data.separator to {other!r} or null, which finds it"
        raise BadInput(
            f"{self.file}: data.{argument} names {wanted!r}, but its columns are {shown}; "
            f"name one of those (or its number from 0){hint}"
        )

    def columns(self, argument: str, wanted: Sequence[str | int]) -> list[str]:
        """The names of several columns, given likewise."""
        return [self.column(each, argument=argument) for each in wanted]

    def numeric(self, marks: Marks) -> list[str]:
        """Names of the columns whose first cells are numbers or marks, at least one a number."""
        return [name for name, fault in self._faults(marks) if fault is None]

    def left_out(self, marks: Marks) -> dict[str, Fault]:
        """The other columns, and the first cell of each that is neither number nor mark."""
        return {name: fault for name, fault in self._faults(marks) if fault is not None}

    def _faults(self, marks: Marks) -> Iterator[tuple[str, Fault | None]]:
        if self.parquet:
            yield from ((name, None if name in self.numbers else self._typed(name)) for name in self.names)
            return
        for name, sample in zip(self.names, self.sample, strict=True):
            cells = [cell.strip() for cell in sample]
            unread = np.flatnonzero(np.isnan(self._numbers(cells))).tolist()
            bad = next((row for row in unread if marks.holds(cells[row]) is None), None)
            if bad is not None:
                yield name, Fault(f"{self.file}:{self._sampled[bad]}, column {name!r}", cells[bad], cells)
            else:
                is_empty = len(unread) == len(cells)
                yield name, Fault(f"{self.file}, column {name!r}", None, cells) if is_empty else None

    def _typed(self, name: str) -> Fault:
        with reading_parquet(self.file, _broken):
            batch = next(self._opened().iter_batches(batch_size=1, columns=[name]), None)
        cell = None if batch is None else str(batch.column(name)[0])
        return Fault(f"{self.file}: row 1, column {name!r}", cell, [cell or ""])

    def read(self, readers: Mapping[Names, Reader]) -> dict[Names, np.ndarray]:
        """Columns read whole, (N,) each.

        Args:
            readers: name of a column, or names of several -> what makes an array of its cells.

        Raises:
            BadInput: for a file that is broken, or a cell that its reader refuses.
        """
        single = list(dict.fromkeys(name for each in readers for name in _each(each)))
        with reading(self.file):
            try:
                return self._gathered(
                    readers, single, self._parquet(single) if self.parquet else self._csv(single)
                )
            except pa.ArrowInvalid:
                return self._gathered(readers, single, self._csv_rows(single))

    def place(self, row: int, column: str = "") -> str:
        """What to call a place of the file in a message: its line, or its row of a parquet file, from 1."""
        before = 0 if self.parquet else self.header + self.written.lines_before
        line = self._lines[row] if self._lines else row + 1 + before
        name = f"{self.file}: row {line}" if self.parquet else f"{self.file}:{line}"
        return f"{name}, column {column!r}" if column else name

    def _gathered(
        self, readers: Mapping[Names, Reader], single: Sequence[str], batches: Iterable[Sequence[Cells]]
    ) -> dict[Names, np.ndarray]:
        most = self._opened().metadata.num_rows if self.parquet else most_rows(self.file, self.encoding)
        columns = {name: np.empty(most, reader.kind) for name, reader in readers.items()}
        self._rows = 0
        for batch in batches:
            first, self._rows = self._rows, self._rows + len(batch[0])
            for name, reader in readers.items():
                if isinstance(name, str):
                    cells = batch[single.index(name)]
                else:
                    cells = self._joined({each: batch[single.index(each)] for each in name})
                where = self._where(first, " ".join(_each(name)))
                columns[name][first : self._rows] = reader(cells, where)
        if not self._rows:
            raise BadInput(f"{self.file}: holds no row; give rows")
        return {name: values[: self._rows] for name, values in columns.items()}

    def _joined(self, columns: Mapping[str, Cells]) -> pa.Array:
        """The cells of several columns as one text each: typed dates as days, numbers without a point."""
        texts = []
        for name, cells in columns.items():
            if isinstance(cells, np.ndarray) and name in self.times:
                texts.append(
                    pa.array(np.datetime_as_string(cells.astype("datetime64[s]"), unit="D").tolist())
                )
            elif isinstance(cells, np.ndarray):
                texts.append(pa.array([f"{cell:.0f}" for cell in cells], pa.string()))
            else:
                texts.append(pc.utf8_trim_whitespace(cells))
        return pc.binary_join_element_wise(*texts, " ", null_handling="replace")

    def _where(self, first: int, column: str) -> Where:
        return lambda number: self.place(first + number, column)

    def _csv(self, names: Sequence[str]) -> Iterator[list[pa.Array]]:
        return arrow_batches(
            self.file,
            [self.names.index(name) for name in names],
            width=len(self.names),
            separator=self.written.separator,
            header=self.header,
            encoding=self.encoding,
            lines_before=self.written.lines_before,
        )

    def _rows_of_csv(self) -> Iterator[tuple[int, list[str]]]:
        return csv_rows(self.file, separator=self.written.separator, encoding=self.encoding)

    def _csv_rows(self, names: Sequence[str]) -> Iterator[list[pa.Array]]:
        """The same of a file that Arrow does not read as it must be, and the lines of its rows."""
        places = [self.names.index(name) for name in names]
        rows = islice(self._rows_of_csv(), self.header, None)
        self._lines = array("q")
        while block := list(islice(rows, BLOCK_ROWS)):
            self._lines.extend(line for line, _ in block)
            yield [pa.array([row[place] for _, row in block], pa.string()) for place in places]

    def _parquet(self, names: Sequence[str]) -> Iterator[list[Cells]]:
        with reading_parquet(self.file, _broken):
            for batch in self._opened().iter_batches(columns=names):
                yield [_cells(batch.column(name)) for name in names]

    def _opened(self) -> Any:
        from pyarrow.parquet import ParquetFile

        with reading_parquet(self.file, _broken):
            return ParquetFile(self.file)


def _broken(why: str) -> str:
    return f"is damaged or no parquet file ({why}); write it anew"


def _is_name(cell: str) -> bool:
    return any(map(str.isalpha, cell)) and cell not in MISSING_MARKS


def _each(names: Names) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names


def _is_numeric(kind: Any) -> bool:
    from pyarrow import types

    return (
        types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_decimal(kind)
    )


def _is_time(kind: Any) -> bool:
    from pyarrow import types

    return types.is_timestamp(kind) or types.is_date(kind)


def _cells(column: Any) -> Cells:
    """An Arrow column as float64 (dates as seconds), or as text."""
    if _is_time(column.type):
        column = column.cast(pa.timestamp("us")).cast(pa.int64())
        return column.to_numpy(zero_copy_only=False).astype(np.float64) / 1e6
    if _is_numeric(column.type):
        return column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False).astype(np.float64)
    return pa.array([None if cell is None else str(cell) for cell in column.to_pylist()], pa.string())
