"""Series: rows of variables along time, read from tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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


@dataclass(frozen=True)
class Place:
    """Where the rows of a series stand.

    Args:
        table: their file.
        lines: (N,) the line of each.
        columns: names.
    """

    table: TableFile
    lines: np.ndarray
    columns: Sequence[str]

    def row(self, row: int) -> str:
        """File and line."""
        return self.table.place(int(self.lines[row]))

    def cell(self, row: int, column: int) -> str:
        """File, line and column."""
        return self.table.place(int(self.lines[row]), self.columns[column])


@dataclass(frozen=True, kw_only=True)
class SeriesReader:
    """How a table becomes series; the arguments are those of `Table`."""

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

    def open(self, file: Path) -> TableFile:
        """The table in a file, its columns known."""
        return TableFile(file, separator=self.separator, header=self.header)

    def input_names(self, table: TableFile) -> list[str]:
        """The numeric columns that a network reads: those named, or all that are nothing else."""
        others = [
            table.column(wanted, argument=f"data.{argument}")
            for argument, columns in (("time", self.time), ("categories", self.categories))
            for wanted in columns
        ]
        if self.group is not None:
            others.append(table.column(self.group, argument="data.group"))
        if self.inputs is None:
            return [name for name in table.numeric(self.missing_marks) if name not in others]
        return [table.column(wanted, argument="data.inputs") for wanted in self.inputs]

    def target_names(self, table: TableFile) -> list[str]:
        """Names of the columns that are asked for."""
        return [table.column(wanted, argument="data.target") for wanted in self.target]

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
        table = self.open(file)
        columns, lines, groups = self._columns(table, inputs, codes, targets=target_file is None)
        answers, answer_table, answer_lines = columns, table, lines
        if target_file is not None:
            answer_table = self.open(target_file)
            answers, answer_lines = answer_table.read(self._target_readers(answer_table))
            if len(answer_lines) != len(lines):
                raise BadInput(
                    f"{target_file}: {len(answer_lines)} rows of targets for the {len(lines)} rows of "
                    f"{file}; row by row they must match"
                )
        targets = list(self._target_readers(answer_table))
        x = _side_by_side(columns, inputs, np.float32, len(lines))
        y = _side_by_side(answers, targets, np.float32, len(lines))
        texts = [table.column(wanted, argument="data.categories") for wanted in self.categories]
        z = _side_by_side(columns, texts, np.int32, len(lines))
        times = self._times(table, columns, lines)
        found = []
        for title, all_rows in self._groups(table, columns, groups, name):
            with bad.checking(str(file)):
                rows = all_rows[leading(x[all_rows], y[all_rows]) :] if self.drop_leading else all_rows
                if not len(rows):
                    raise BadInput(
                        f"{file}: no row of {title} has a value in every column; name other columns"
                    )
                seen = Place(table, lines[rows], inputs)
                asked = Place(answer_table, answer_lines[rows], targets)
                gaps = Gaps(0, 0.0, "") if times is None else check_order(times[rows], seen.row)
                found.append(
                    Series(
                        name=title,
                        inputs=filled(x[rows], self.missing, seen.cell),
                        codes=z[rows],
                        targets=filled(y[rows], self.missing, asked.cell),
                        known=~np.isnan(y[rows]) | (self.missing == "zero"),
                        gaps=gaps,
                    )
                )
        return found

    def _columns(
        self, table: TableFile, inputs: Sequence[str], codes: Sequence[Codes], *, targets: bool
    ) -> tuple[dict[str, np.ndarray], np.ndarray, Codes]:
        """All columns of a table that are wanted, the line of each row, and the names of the groups."""
        for name in inputs:
            table.column(name, argument="data.inputs")
        readers: dict[str, Reader] = {name: self._numbers() for name in inputs}
        if targets:
            readers |= self._target_readers(table)
        others: list[tuple[str, Column, Reader]] = [
            ("categories", wanted, numbering)
            for wanted, numbering in zip(self.categories, codes, strict=True)
        ]
        whole = Numbers((), way_out="data.time takes one column of dates, or several of whole numbers")
        others += [
            ("time", wanted, whole if len(self.time) > 1 else Times(self.time_format)) for wanted in self.time
        ]
        groups = Codes(())
        if self.group is not None:
            others.append(("group", self.group, groups))
        for argument, wanted, reader in others:
            name = table.column(wanted, argument=f"data.{argument}")
            if name in readers and not (isinstance(reader, Numbers) and isinstance(readers[name], Numbers)):
                raise BadInput(
                    f"{table.file}: data.{argument} names {name!r}, which is also an input, the target or "
                    "another of these; leave one out"
                )
            readers[name] = reader
        columns, lines = table.read(readers)
        return columns, lines, groups

    def _target_readers(self, table: TableFile) -> dict[str, Reader]:
        return {name: self._numbers() for name in self.target_names(table)}

    def _numbers(self) -> Numbers:
        way_out = "name the column in data.categories or not at all, or name this mark in data.missing_marks"
        return Numbers(self.missing_marks, way_out=way_out)

    def _times(
        self, table: TableFile, columns: dict[str, np.ndarray], lines: np.ndarray
    ) -> np.ndarray | None:
        parts = [columns[table.column(wanted, argument="data.time")] for wanted in self.time]
        if len(parts) < 2:
            return parts[0] if parts else None
        return from_parts(parts, lambda row: table.place(int(lines[row])))

    def _groups(
        self, table: TableFile, columns: dict[str, np.ndarray], groups: Codes, file_name: str
    ) -> Iterator[tuple[str, np.ndarray]]:
        """Name and row numbers of each series, in the order in which they begin."""
        if self.group is None:
            yield file_name, np.arange(len(next(iter(columns.values()))))
            return
        numbers = columns[table.column(self.group, argument="data.group")]
        order = np.argsort(numbers, kind="stable")
        ends = np.cumsum(np.bincount(numbers))
        for name, rows in zip(groups.values, np.split(order, ends[:-1]), strict=True):
            yield f"{file_name} {name}", rows


def _side_by_side(columns: dict[str, np.ndarray], names: Sequence[str], kind: type, count: int) -> np.ndarray:
    """(N, n) from columns (N,)."""
    out: np.ndarray = np.empty((count, len(names)), kind)
    for number, name in enumerate(names):
        out[:, number] = columns[name]
    return out
