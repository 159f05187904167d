"""Columns of a CSV or parquet file, a block of rows at a time."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from datamodules.files import reading
from datamodules.tables.cells import Cells, Where, is_number
from datamodules.tables.csv_columns import arrow_batches, most_rows
from datamodules.tables.csv_rows import csv_rows
from datamodules.tables.parquet import PARQUET, reading_parquet
from elman.errors import BadInput

SAMPLE_ROWS = 1000
"""Rows that decide which columns are numbers and which are text."""
BLOCK_ROWS = 4096


class Reader(Protocol):
    """Turns the cells of a column into an array of as many numbers of one kind."""

    kind: Any

    def __call__(self, cells: Cells, where: Where) -> np.ndarray: ...


class TableFile:
    """A CSV file with a header, or a parquet file; columns are read by name.

    Args:
        file: where it lies.
        separator: between the values of a CSV row.
        header: whether the first row names the columns; else they are called 0, 1, 2, ...

    Raises:
        BadInput: if it cannot be read, or has no row.
    """

    def __init__(self, file: Path, *, separator: str = ",", header: bool = True) -> None:
        self.file, self.separator, self.header = file, separator, header
        self.parquet = file.suffix.lower() in PARQUET
        self.names: list[str]
        self.sample: list[Sequence[str]]
        self._rows = 0  # that were read
        self._lines = array("q")  # of every row, where they do not follow from its number
        if self.parquet:
            schema = self._opened().schema_arrow
            self.names = list(schema.names)
            self.sample = [["0" if _is_numeric(field.type) else "text"] for field in schema]
        else:
            self.names, self.sample = self._look()

    def __len__(self) -> int:
        """How many rows `read` has found."""
        return self._rows

    def _look(self) -> tuple[list[str], list[Sequence[str]]]:
        """Names of the columns, and cells of each, from the first rows."""
        rows = [row for _, row in islice(csv_rows(self.file, separator=self.separator), SAMPLE_ROWS)]
        if not rows:
            raise BadInput(f"{self.file}: is empty; give a table with a header and rows")
        if not self.header:
            return [str(number) for number in range(len(rows[0]))], list(zip(*rows, strict=True))
        names = [name.strip() for name in rows[0]]
        if all(map(is_number, names)):
            raise BadInput(
                f"{self.file}:1: the first row holds numbers alone, so it names no columns; "
                "set data.header=false and give columns by number"
            )
        if len(rows) == 1:
            raise BadInput(f"{self.file}: holds a header and no row; give rows")
        return names, list(zip(*rows[1:], strict=True))

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
        if len(self.names) == 1 and (other := next((s for s in ";\t|" if s in shown), None)):
            hint = f", or set data.separator to {other!r}"
        raise BadInput(
            f"{self.file}: data.{argument} names {wanted!r}, but its columns are {shown}; "
            f"name one of those (or its number from 0){hint}"
        )

    def columns(self, argument: str, wanted: Sequence[str | int]) -> list[str]:
        """The names of several columns, given likewise."""
        return [self.column(each, argument=argument) for each in wanted]

    def numeric(self, marks: Sequence[str]) -> list[str]:
        """Names of the columns whose first cells are numbers or marks, at least one a number."""
        return [
            name
            for name, cells in zip(self.names, self.sample, strict=True)
            if all(is_number(cell) or cell.strip() in marks for cell in cells) and any(map(is_number, cells))
        ]

    def read(self, readers: Mapping[str, Reader]) -> dict[str, np.ndarray]:
        """Columns read whole, (N,) each.

        Args:
            readers: name of a column -> what makes an array of its cells.

        Raises:
            BadInput: for a file that is broken, or a cell that its reader refuses.
        """
        with reading(self.file):
            try:
                return self._gathered(readers, self._parquet(readers) if self.parquet else self._csv(readers))
            except pa.ArrowInvalid:
                return self._gathered(readers, self._csv_rows(readers))

    def place(self, row: int, column: str = "") -> str:
        """What to call a place of the file in a message: its line, or its row of a parquet file, from 1."""
        line = self._lines[row] if self._lines else row + 1 + (self.header and not self.parquet)
        name = f"{self.file}: row {line}" if self.parquet else f"{self.file}:{line}"
        return f"{name}, column {column!r}" if column else name

    def _gathered(
        self, readers: Mapping[str, Reader], batches: Iterable[Sequence[Cells]]
    ) -> dict[str, np.ndarray]:
        most = self._opened().metadata.num_rows if self.parquet else most_rows(self.file)
        columns = {name: np.empty(most, reader.kind) for name, reader in readers.items()}
        self._rows = 0
        for batch in batches:
            first, self._rows = self._rows, self._rows + len(batch[0])
            for cells, (name, reader) in zip(batch, readers.items(), strict=True):
                columns[name][first : self._rows] = reader(cells, self._where(first, name))
        if not self._rows:
            raise BadInput(f"{self.file}: holds no row; give rows")
        return {name: values[: self._rows] for name, values in columns.items()}

    def _where(self, first: int, column: str) -> Where:
        return lambda number: self.place(first + number, column)

    def _csv(self, names: Iterable[str]) -> Iterator[list[pa.Array]]:
        places = [self.names.index(name) for name in names]
        return arrow_batches(
            self.file, places, width=len(self.names), separator=self.separator, header=self.header
        )

    def _csv_rows(self, names: Iterable[str]) -> Iterator[list[pa.Array]]:
        """The same of a file that Arrow does not read as it must be, and the lines of its rows."""
        places = [self.names.index(name) for name in names]
        rows = islice(csv_rows(self.file, separator=self.separator), self.header, None)
        while block := list(islice(rows, BLOCK_ROWS)):
            self._lines.extend(line for line, _ in block)
            yield [pa.array([row[place] for _, row in block], pa.string()) for place in places]

    def _parquet(self, names: Iterable[str]) -> Iterator[list[Cells]]:
        with reading_parquet(self.file, _broken):
            for batch in self._opened().iter_batches(columns=list(names)):
                yield [_cells(batch.column(name)) for name in names]

    def _opened(self) -> Any:
        from pyarrow.parquet import ParquetFile

        with reading_parquet(self.file, _broken):
            return ParquetFile(self.file)


def _broken(why: str) -> str:
    return f"is damaged or no parquet file ({why}); write it anew"


def _is_numeric(kind: Any) -> bool:
    from pyarrow import types

    return (
        types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_decimal(kind)
    )


def _cells(column: Any) -> Cells:
    """An Arrow column as float64 (dates as seconds), or as text."""
    from pyarrow import types

    if types.is_timestamp(column.type) or types.is_date(column.type):
        column = column.cast(pa.timestamp("us")).cast(pa.int64())
        return column.to_numpy(zero_copy_only=False).astype(np.float64) / 1e6
    if _is_numeric(column.type):
        return column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False).astype(np.float64)
    return pa.array(["" if cell is None else str(cell) for cell in column.to_pylist()], pa.string())
