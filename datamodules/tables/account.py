"""Account: what reading tables found out, ignored or changed, for the summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from datamodules.collecting.collected import few
from datamodules.tables.cells import Codes, short
from datamodules.tables.columns import Fault
from datamodules.tables.marks import Marks
from datamodules.tables.missing import Missing
from datamodules.tables.numerals import Numerals, ways_to_read
from elman.errors import BadInput


@dataclass
class Account:
    """Filled while tables are read.

    Args:
        marks: of missing values.
        numerals: how numbers are written.
        codes: of each text column, the numbers of its values.
        written: how files are written, and how many are so.
        others: files that are not read, by their kind.
        left_out: columns that are not read, as the first file shows them.
        times: how times are read, and of how many files.
        sorted: series whose rows were put in the order of time; None: nobody asked.
        leading: first rows that were left out.
        rows: that were read, those aside.
        lacking: cells without a value, of each column of numbers that is read.
        unnamed: cells without a value in columns of text.
    """

    marks: Marks
    numerals: Numerals
    codes: list[Codes]
    written: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    left_out: dict[str, Fault] = field(default_factory=dict)
    times: Counter[str] = field(default_factory=Counter)
    sorted: int | None = None
    leading: int = 0
    rows: int = 0
    lacking: Counter[str] = field(default_factory=Counter)
    unnamed: int = 0

    def count(self, rows: int, values: Mapping[str, np.ndarray], codes: np.ndarray) -> None:
        """Count what a series lacks.

        Args:
            rows: it has, those that are left out among them.
            values: (N,) of each column of numbers, NaN where there is none; without the rows left out.
            codes: (N, m) of its columns of text, -1 where there is none.
        """
        self.leading += rows - len(codes)
        self.rows += len(codes)
        self.unnamed += int((codes < 0).sum())
        for name, column in values.items():
            if np.isnan(column.sum(dtype=np.float64)):  # of most columns it is not, and that is quickly known
                self.lacking[name] += int(np.isnan(column).sum())

    def check(self, source: str, *, most: float, trained: bool) -> None:
        """Refuse marks of which none marks a cell, and columns that lack most of their values.

        Args:
            most: share of a column's cells that may lack a value.
            trained: a checkpoint is at work, whose own data had them.

        Raises:
            BadInput: in either case.
        """
        unmet = self.marks.unmet()
        if not trained and unmet and len(unmet) == len(self.marks.own):
            raise BadInput(
                f"{source}: data.missing_marks names {unmet[0]!r}, but no cell of the columns read is that; "
                "write it as the cells do, or leave it out"
            )
        for name, count in self.lacking.most_common(1):
            if count > most * self.rows:
                enough = _up(count / self.rows)
                raise BadInput(
                    f"{source}: {name} lacks a value in {count:,} of {self.rows:,} rows, more than "
                    f"data.most_missing={most:g}; leave the column out, or set that to {enough}"
                )

    def metadata(self) -> dict[str, int]:
        """Counts of it, for the run's page."""
        return {
            "other_files": self.others.total(),
            "values_missing": self.lacking.total() + self.unnamed,
            "columns_left_out": len(self.left_out),
            "rows_left_out": self.leading,
        }

    def lines(self, rule: Missing) -> list[str]:
        """All of it in words.

        Args:
            rule: for missing values.
        """
        lines = [_of_files("written with", self.written), _of_files("times read as", self.times)]
        if self.others:
            counts = [f"{count:,} {kind}" for kind, count in self.others.most_common()]
            lines.append(f"files that are no tables, left out: {few(counts)}")
        if self.left_out:
            lines.append(f"columns left out: {few([self._why(*each) for each in self.left_out.items()])}")
        if self.sorted is not None:
            lines.append(
                f"sorted by time: {self.sorted:,} series"
                if self.sorted
                else "data.sort=true changed nothing: all rows were in the order of time"
            )
        if self.leading:
            lines.append(f"left out: the first {self.leading:,} rows, up to one with a value in every column")
        if self.lacking:
            counts = [f"{name} {count:,}" for name, count in self.lacking.most_common()]
            filled = {"previous": "the value before is repeated", "zero": "taken as 0"}.get(rule, "")
            lines.append(f"no value in {few(counts)} of {self.rows:,} rows; {filled}")
        if self.unnamed:
            lines.append(f"no value in {self.unnamed:,} cells of text, which are 0 in all their columns")
        if unmet := self.marks.unmet():
            lines.append(f"marks of missing values that no cell is: {few(unmet)}")
        return [line for line in lines if line]

    def _why(self, name: str, fault: Fault) -> str:
        if fault.cell is None:
            return f"{name} (no value in its first rows)"
        line = fault.place.rpartition(", column")[0].rpartition(":")[2].strip()
        ways = ways_to_read(fault.cell, self.numerals, fault.others)
        more = f"; a number with {ways}" if ways else ""
        return f"{name} ({short(fault.cell)} in {line if line.startswith('row') else f'line {line}'}{more})"


def _of_files(what: str, counts: Counter[str]) -> str:
    shown = [how for how in counts if how]
    if len(shown) > 1:
        shown = [f"{how} in {count:,} files" for how, count in counts.most_common() if how]
    return f"{what} {'; '.join(shown)}" if shown else ""


def _up(share: float) -> str:
    return f"{min(1.0, int(share * 100 + 1) / 100):g}"


def no_numeric(faults: Sequence[Fault]) -> Fault | None:
    """The fault that most likely keeps a table from having numeric columns: of the most number-like one."""
    held = [fault for fault in faults if fault.cell is not None]
    return min(held, key=lambda fault: sum(map(str.isalpha, fault.cell or "")), default=None)
