"""Series: rows of variables along time, read from tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datamodules.collecting.findings import BadOnes
from datamodules.files import check_encoding
from datamodules.tables.account import Account
from datamodules.tables.cells import Codes, Numbers
from datamodules.tables.clock import WAY_OUT, Gaps, check_order, from_parts
from datamodules.tables.columns import Names, Reader, TableFile
from datamodules.tables.marks import Marks
from datamodules.tables.missing import Missing, filled, leading
from datamodules.tables.numerals import Numerals
from datamodules.tables.times import Times
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
    sort: bool
    separator: str | None
    header: bool
    encoding: str
    numerals: Numerals

    def __post_init__(self) -> None:
        if not self.target:
            raise ValueError("target must name at least one column, got []")
        if self.separator is not None and (len(self.separator) != 1 or self.separator in '\r\n\0"'):
            raise ValueError(f"separator must be one character, no quote or line end, got {self.separator!r}")
        check_encoding(self.encoding)
        if self.sort and not self.time:
            raise ValueError("sort puts rows in the order of time; name the column of times in time")
        if self.missing not in ("error", "previous", "zero"):
            raise ValueError(f"missing must be error, previous or zero, got {self.missing!r}")

    def open(self, file: Path) -> TableFile:
        """The table in a file, its columns known."""
        return TableFile(
            file,
            separator=self.separator,
            header=self.header,
            encoding=self.encoding,
            numerals=self.numerals,
        )

    def account(self) -> Account:
        """An empty one."""
        marks = Marks(self.missing_marks, self.numerals)
        codes = [Codes(marks) for _ in self.categories]
        return Account(marks, self.numerals, codes, sorted=0 if self.sort else None)

    def input_names(self, table: TableFile, account: Account) -> list[str]:
        """The numeric input columns: those named, or all that are nothing else; others are noted."""
        others = [
            *table.columns("time", self.time),
            *table.columns("categories", self.categories),
            *table.columns("group", self._group),
        ]
        if self.inputs is not None:
            return table.columns("inputs", self.inputs)
        out = {name: fault for name, fault in table.left_out(account.marks).items() if name not in others}
        account.left_out.update(out)
        return [name for name in table.numeric(account.marks) if name not in others]

    def target_names(self, table: TableFile) -> list[str]:
        """Names of the columns that are predicted."""
        return table.columns("target", self.target)

    def read(
        self,
        table: TableFile,
        target_table: TableFile | None,
        inputs: Sequence[str],
        account: Account,
        *,
        name: str,
        bad: BadOnes,
    ) -> list[Series]:
        """All series of a table.

        Args:
            target_table: one of as many rows that holds the targets; None: `table` holds them.
            inputs: names of the numeric input columns.
            account: takes what is found out, left out and changed.
            name: of the file.
            bad: what to do with a series that cannot be used.

        Raises:
            BadInput: for whatever is wrong with the files as a whole.
        """
        groups = Codes(Marks([""]))
        clock = self._clock(table, account.marks)
        columns = table.read(
            self._readers(table, inputs, account, groups, clock, targets=target_table is None)
        )
        answers, answer_table, count = columns, table, len(table)
        if target_table is not None:
            answer_table = target_table
            answers = answer_table.read(
                dict.fromkeys(self.target_names(answer_table), self._numbers(account.marks, asked=True))
            )
            if len(answer_table) != count:
                raise BadInput(
                    f"{answer_table.file}: {len(answer_table)} rows of targets for the {count} rows of "
                    f"{table.file}; row by row they must match"
                )
        targets = self.target_names(answer_table)
        x = _side_by_side(columns, inputs, np.float32, count)
        y = _side_by_side(answers, targets, np.float32, count)
        z = _side_by_side(columns, table.columns("categories", self.categories), np.int32, count)
        times = self._times(table, clock, columns)
        numbers = [columns[each] for each in table.columns("group", self._group)]
        if numbers and (numbers[0] < 0).any():
            where = table.place(int(np.argmax(numbers[0] < 0)), str(self.group))
            raise BadInput(f"{where}: no value, so it is of no series; fill it in, or take the row out")
        del columns, answers  # before the rest: they are as large as the table
        account.written[table.how] += 1
        account.times[_said(clock)] += bool(clock)
        local = any(isinstance(each, Times) and each.local for each in clock.values())
        series = []
        for title, found in _groups(name, count, groups, *numbers):
            every = found
            with bad.checking(str(table.file), offered=self.group is not None):
                if self.sort and not _ascends(ordered := _taken(every, *times)[0]):
                    every = np.asarray(every)[np.argsort(ordered, kind="stable")]
                    account.sorted = (account.sorted or 0) + 1
                rows = every[leading(*_taken(every, x, y)) :] if self.drop_leading else every
                if not len(rows):
                    raise BadInput(
                        f"{table.file}: no row of {title} has a value in every column; name other columns"
                    )
                read, asked, marks = _taken(rows, x, y, z)
                gaps = [check_order(each, _place(table, rows), local=local) for each in _taken(rows, *times)]
                series.append(
                    Series(
                        name=title,
                        inputs=filled(read, self.missing, _place(table, rows, inputs)),
                        codes=marks,
                        targets=filled(asked, self.missing, _place(answer_table, rows, targets)),
                        known=~np.isnan(asked) | (self.missing == "zero"),
                        gaps=gaps[0] if gaps else Gaps(0, 0.0, ""),
                    )
                )
                values = dict(zip((*targets, *inputs), (*asked.T, *read.T), strict=True))
                account.count(len(every), values, marks)
        return series

    def _readers(
        self,
        table: TableFile,
        inputs: Sequence[str],
        account: Account,
        groups: Codes,
        clock: Mapping[Names, Reader],
        *,
        targets: bool,
    ) -> dict[Names, Reader]:
        """What reads each wanted column of a table, the targets too if they are in it."""
        marks = account.marks
        readers: dict[Names, Reader] = dict.fromkeys(table.columns("inputs", inputs), self._numbers(marks))
        if targets:
            readers |= dict.fromkeys(self.target_names(table), self._numbers(marks, asked=True))
        others: list[tuple[str, Names, Reader]] = [
            *(
                ("categories", table.column(each, argument="categories"), own)
                for each, own in zip(self.categories, account.codes, strict=True)
            ),
            *(("time", names, reader) for names, reader in clock.items()),
            *(("group", table.column(each, argument="group"), groups) for each in self._group),
        ]
        for argument, name, reader in others:
            if name in readers and not (isinstance(reader, Numbers) and isinstance(readers[name], Numbers)):
                raise BadInput(
                    f"{table.file}: data.{argument} names {name!r}, which is also an input, the target or "
                    "another of these; leave one out"
                )
            readers[name] = reader
        return readers

    def _numbers(self, marks: Marks, *, asked: bool = False) -> Numbers:
        way_out = "name the column in data.categories, or leave it out of data.inputs"
        if asked:
            way_out = "data.target must name columns of numbers"
        return Numbers(marks, way_out=way_out, kind=np.float32, numerals=self.numerals)

    def _clock(self, table: TableFile, marks: Marks) -> dict[Names, Reader]:
        """What reads the columns of times: one of dates, several that together are a date, or a calendar."""
        names = table.columns("time", self.time)
        if len(names) < 2:
            typed = names and names[0] in table.times
            return {
                name: Times(self.time_format, typed=bool(typed), numerals=self.numerals) for name in names
            }
        if self.time_format is None and set(names) <= set(table.numeric(marks)):
            way_out = f"a part of a date is missing; {WAY_OUT}"
            return dict.fromkeys(names, Numbers(Marks(), way_out=way_out, numerals=self.numerals))
        return {tuple(names): Times(self.time_format, numerals=self.numerals)}

    def _times(
        self, table: TableFile, clock: Mapping[Names, Reader], columns: Mapping[Names, np.ndarray]
    ) -> list[np.ndarray]:
        """The time of every row, if there is a clock."""
        parts = [columns[names] for names in clock]
        return [from_parts(parts, table.place)] if len(parts) > 1 else parts

    @property
    def _group(self) -> list[Column]:
        return [] if self.group is None else [self.group]


def _said(clock: Mapping[Names, Reader]) -> str:
    """How times are read, in words."""
    return " ".join(each.said if isinstance(each, Times) else "" for each in clock.values()).strip() or (
        "a calendar" if clock else ""
    )


def _ascends(times: np.ndarray) -> bool:
    return bool((np.diff(times) >= 0).all())


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


def _side_by_side(
    columns: Mapping[Names, np.ndarray], names: Sequence[str], kind: type, count: int
) -> np.ndarray:
    """(N, n) from columns (N,)."""
    none: np.ndarray = np.empty((count, 0), kind)
    return np.column_stack([none, *(columns[name].astype(kind, copy=False) for name in names)])
