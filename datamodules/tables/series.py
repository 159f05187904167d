"""Series: rows of variables along time, read from tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datamodules.collecting.findings import BadOnes
from datamodules.tables.cells import Codes, Numbers
from datamodules.tables.clock import Gaps, Times, check_order, from_parts
from datamodules.tables.columns import Reader, TableFile
from datamodules.tables.missing import Missing, filled, leading
from elman.errors import BadInput

Column = str | int
Rows = range | np.ndarray
"""Rows of a table that are a series: all on end, or their numbers."""


@dataclass
class Series:
    """One series.

    Args:
        name: of its file, and the value of the group column where there is one.
        inputs: (N, n) float32.
        codes: (N, m) int32, number of the value of each text column; -1 where it is missing.
        targets: (N, O) float32.
        known: (N, O) bool, False where a target is only repeated from the row before.
        gaps: where its clock jumps.
    """

    name: str
    inputs: np.ndarray
    codes: np.ndarray
    targets: np.ndarray
    known: np.ndarray
    gaps: Gaps

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True, kw_only=True)
class SeriesReader:
    """How a table becomes series; the arguments are those of `Table`.

    Raises:
        ValueError: for a value out of range.
    """

    target: Sequence[Column]
    inputs: Sequence[Column] | None
    time: Sequence[Column]
    time_format: str | None
    group: Column | None
    categories: Sequence[Column]
    missing: Missing
    missing_marks: Sequence[str]
    drop_leading: bool
    separator: str
    header: bool

    def __post_init__(self) -> None:
        if not self.target:
            raise ValueError("target must name at least one column, got []")
        if len(self.separator) != 1:
            raise ValueError(f"separator must be one character, got {self.separator!r}")
        if self.missing not in ("error", "previous", "zero"):
            raise ValueError(f"missing must be error, previous or zero, got {self.missing!r}")

    def open(self, file: Path) -> TableFile:
        """The table in a file, its columns known."""
        return TableFile(file, separator=self.separator, header=self.header)

    def input_names(self, table: TableFile) -> list[str]:
        """The numeric input columns: those named, or all that are nothing else."""
        others = [
            *table.columns("time", self.time),
            *table.columns("categories", self.categories),
            *table.columns("group", self._group),
        ]
        if self.inputs is not None:
            return table.columns("inputs", self.inputs)
        return [name for name in table.numeric(self.missing_marks) if name not in others]

    def target_names(self, table: TableFile) -> list[str]:
        """Names of the columns that are predicted."""
        return table.columns("target", self.target)

    def read(
        self,
        file: Path,
        target_file: Path | None,
        inputs: Sequence[str],
        codes: Sequence[Codes],
        *,
        name: str,
        bad: BadOnes,
    ) -> list[Series]:
        """All series of a table.

        Args:
            target_file: a table of as many rows that holds the targets; None: `file` holds them.
            inputs: names of the numeric input columns.
            codes: for each text column, what numbers its values.
            name: of the file.
            bad: what to do with a series that cannot be used.

        Raises:
            BadInput: for whatever is wrong with the files as a whole.
        """
        table, groups = self.open(file), Codes(())
        columns = table.read(self._readers(table, inputs, codes, groups, targets=target_file is None))
        answers, answer_table, count = columns, table, len(table)
        if target_file is not None:
            answer_table = self.open(target_file)
            answers = answer_table.read(dict.fromkeys(self.target_names(answer_table), self._numbers()))
            if len(answer_table) != count:
                raise BadInput(
                    f"{target_file}: {len(answer_table)} rows of targets for the {count} rows of {file}; "
                    "row by row they must match"
                )
        targets = self.target_names(answer_table)
        x = _side_by_side(columns, inputs, np.float32, count)
        y = _side_by_side(answers, targets, np.float32, count)
        z = _side_by_side(columns, table.columns("categories", self.categories), np.int32, count)
        times = self._times(table, columns)
        numbers = [columns[each] for each in table.columns("group", self._group)]
        del columns, answers  # before the rest: they are as large as the table
        series = []
        for title, every in _groups(name, count, groups, *numbers):
            with bad.checking(str(file)):
                rows = every[leading(*_taken(every, x, y)) :] if self.drop_leading else every
                if not len(rows):
                    raise BadInput(
                        f"{file}: no row of {title} has a value in every column; name other columns"
                    )
                read, asked, marks = _taken(rows, x, y, z)
                clock = [check_order(each, _place(table, rows)) for each in _taken(rows, *times)]
                series.append(
                    Series(
                        name=title,
                        inputs=filled(read, self.missing, _place(table, rows, inputs)),
                        codes=marks,
                        targets=filled(asked, self.missing, _place(answer_table, rows, targets)),
                        known=~np.isnan(asked) | (self.missing == "zero"),
                        gaps=clock[0] if clock else Gaps(0, 0.0, ""),
                    )
                )
        return series

    def _readers(
        self,
        table: TableFile,
        inputs: Sequence[str],
        codes: Sequence[Codes],
        groups: Codes,
        *,
        targets: bool,
    ) -> dict[str, Reader]:
        """What reads each wanted column of a table, the targets too if they are in it."""
        wanted = [*table.columns("inputs", inputs), *(self.target_names(table) if targets else ())]
        readers: dict[str, Reader] = dict.fromkeys(wanted, self._numbers())
        whole = Numbers((), way_out="data.time takes one column of dates, or several of whole numbers")
        clock = whole if len(self.time) > 1 else Times(self.time_format)
        others: list[tuple[str, Column, Reader]] = [
            *(("categories", each, own) for each, own in zip(self.categories, codes, strict=True)),
            *(("time", each, clock) for each in self.time),
            *(("group", each, groups) for each in self._group),
        ]
        for argument, each, reader in others:
            name = table.column(each, argument=argument)
            if name in readers and not (isinstance(reader, Numbers) and isinstance(readers[name], Numbers)):
                raise BadInput(
                    f"{table.file}: data.{argument} names {name!r}, which is also an input, the target or "
                    "another of these; leave one out"
                )
            readers[name] = reader
        return readers

    def _numbers(self) -> Numbers:
        way_out = "name the column in data.categories or not at all, or name this mark in data.missing_marks"
        return Numbers(self.missing_marks, way_out=way_out, kind=np.float32)

    def _times(self, table: TableFile, columns: dict[str, np.ndarray]) -> list[np.ndarray]:
        """The time of every row, if there is a clock."""
        parts = [columns[name] for name in table.columns("time", self.time)]
        return [from_parts(parts, table.place)] if len(parts) > 1 else parts

    @property
    def _group(self) -> list[Column]:
        return [] if self.group is None else [self.group]


def _groups(
    file_name: str, count: int, groups: Codes, numbers: np.ndarray | None = None
) -> Iterator[tuple[str, Rows]]:
    """Name and rows of each series, in the order in which they begin."""
    if numbers is None:
        yield file_name, range(count)
        return
    ends = np.cumsum(np.bincount(numbers))
    order = np.split(np.argsort(numbers, kind="stable"), ends[:-1])
    yield from zip((f"{file_name} {name}" for name in groups.values), order, strict=True)


def _taken(rows: Rows, *values: np.ndarray) -> list[np.ndarray]:
    """Some rows of arrays; no copies where they are on end."""
    return [each[rows.start : rows.stop] if isinstance(rows, range) else each[rows] for each in values]


def _place(table: TableFile, rows: Rows, columns: Sequence[str] = ("",)) -> Callable[..., str]:
    """Row of a series, and number of a column -> place in the file."""
    return lambda row, column=0: table.place(int(rows[row]), columns[column])


def _side_by_side(columns: dict[str, np.ndarray], names: Sequence[str], kind: type, count: int) -> np.ndarray:
    """(N, n) from columns (N,)."""
    none: np.ndarray = np.empty((count, 0), kind)
    return np.column_stack([none, *(columns[name].astype(kind, copy=False) for name in names)])
