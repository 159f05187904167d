"""Table: forecasting of time series from CSV and parquet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch

from datamodules.collecting.batching import Batching
from datamodules.collecting.collected import Collected
from datamodules.collecting.examples import Examples
from datamodules.collecting.findings import BadOnes, Findings
from datamodules.collecting.partition import Partition
from datamodules.fetching import standard
from datamodules.live import Reader, Rows
from datamodules.sequence_data import check_counts
from datamodules.tables.cells import MISSING_MARKS, Codes
from datamodules.tables.forecast import Forecasts, Span, floors
from datamodules.tables.learned import Learned, learn, taken_back
from datamodules.tables.missing import Missing
from datamodules.tables.pieces import Cutting, Piece
from datamodules.tables.series import Column, Series, SeriesReader
from datamodules.tables.series_folder import read_all
from elman.errors import BadInput

MOST_NAMED = 8
"""Targets of which each is told apart in metadata."""


class Table(Collected):
    """What comes next? Many-to-many aligned: step t sees row t and is asked for row t + horizon's target.

    x (T, F): the numeric inputs, standardised, and a 1 for the value of each text column.
    y (T, O): the target, or with `difference` its change since row t, standardised. What 0 and 1 in y stand
    for is in `target_shift` and `target_scale`, in the file's units. All means, deviations and values of
    text columns are those of the training part.

    By `split_by="time"` each series is divided in order, its last rows test. Validation and test begin with
    `warmup` steps of history that are run and not scored, and training sees no row of theirs. Training is
    cut into pieces, each with such a run-up: with null `piece`, one series makes as many as
    `batching.batch_size`, side by side, and of many series each is one. By `split_by="series"` whole
    series train, validate or test.

    Args:
        path: a file, or a folder with a series a file.
        target: column or columns to forecast, by name or number from 0.
        inputs: numeric columns to read; null: all that no other argument names.
        time: a column of times, or columns of year, month, day, hour, ...; rows must ascend. null: no check.
        time_format: of the times, as for strptime; null: numbers, or dates such as 2010-01-31 05:00.
        group: column that tells series apart where one file holds several.
        categories: text columns.
        target_path: a file, or a folder with files of the same names, that holds the targets row by row.
        missing: "error", "previous" (repeat the value of the row before; as a target it is not scored), or
            "zero" (the mark means 0).
        missing_marks: cells that mean no value.
        drop_leading: leave out the first rows, up to the first with a value in every column.
        horizon: rows between what is seen and what is asked for; 0 only with targets that are no inputs.
        difference: ask for the change since row t instead of the value.
        warmup: steps of history before what is scored.
        piece: scored steps of a training sequence; null: see above.
        stride: steps between the beginnings of two; null: as `piece`. A smaller one scores steps repeatedly.
        gains: training sees its sequences with the target, as input too, at these multiples, so that levels
            which training hardly shows are no surprise.
        separator: between values of a row.
        header: whether the first row names the columns.
        split_by: time or series.
        split: shares of the parts, and with `series` all that `Partition` knows; its field is `series`.
        batching: which sequences share a batch.
        skip_bad: leave out files and series that cannot be used, and count them.

    Raises:
        ValueError: for a value out of range.

    Cost: all files are read once, and their used columns kept as 32-bit numbers.
    """

    token_ids = False

    def __init__(
        self,
        *,
        path: str,
        target: list[Column] | Column,
        inputs: list[Column] | None = None,
        time: list[Column] | Column | None = None,
        time_format: str | None = None,
        group: Column | None = None,
        categories: list[Column] = [],  # noqa: B006  (jsonargparse shows it; it is never changed)
        target_path: str | None = None,
        missing: Missing = "error",
        missing_marks: list[str] = list(MISSING_MARKS),  # noqa: B006
        drop_leading: bool = False,
        horizon: int = 1,
        difference: bool = False,
        warmup: int = 100,
        piece: int | None = None,
        stride: int | None = None,
        gains: list[float] = [1.0],  # noqa: B006
        separator: str = ",",
        header: bool = True,
        split_by: Literal["time", "series"] = "time",
        split: Partition = Partition(),
        batching: Batching = Batching(batch_size=16),
        skip_bad: bool = False,
    ) -> None:
        super().__init__(split=split, batching=batching, unit="steps")
        check_counts(0, horizon=horizon, warmup=warmup)
        for name, value in (("piece", piece), ("stride", stride)):
            if value is not None:
                check_counts(1, **{name: value})
        self.path, self.target_path, self.skip_bad = path, target_path, skip_bad
        self.horizon, self.difference, self.split_by = horizon, difference, split_by
        self.tables = SeriesReader(
            target=_listed(target),
            inputs=inputs,
            time=[] if time is None else _listed(time),
            time_format=time_format,
            group=group,
            categories=categories,
            missing=missing,
            missing_marks=missing_marks,
            drop_leading=drop_leading,
            separator=separator,
            header=header,
        )
        self.cutting = Cutting(
            shares=split.shares if split_by == "time" else None,
            horizon=horizon,
            warmup=warmup,
            piece=piece,
            stride=stride,
            gains=gains,
            lanes=batching.batch_size,
        )
        self._check(piece, stride)
        self.series: list[Series] = []
        self.pieces: list[Piece] = []
        self.codes: list[Codes] = []
        self.columns: list[str] = []
        self.targets: list[str] = []
        self.learned: Learned | None = None

    def _check(self, piece: int | None, stride: int | None) -> None:
        tables, split = self.tables, self.split
        if not tables.target:
            raise ValueError("target must name at least one column, got []")
        if len(tables.separator) != 1:
            raise ValueError(f"separator must be one character, got {tables.separator!r}")
        if tables.missing not in ("error", "previous", "zero"):
            raise ValueError(f"missing must be error, previous or zero, got {tables.missing!r}")
        if self.split_by not in ("time", "series"):
            raise ValueError(f"split_by must be time or series, got {self.split_by!r}")
        if self.horizon == 0 and self.difference:
            raise ValueError("difference needs a value before the one that is asked for, so horizon above 0")
        if self.split_by == "series" and (piece or stride or self.cutting.gains != [1.0]):
            raise ValueError("piece, stride and gains are for series cut by time; set split_by=time")
        if stride is not None and (piece is None or stride > piece):
            raise ValueError(
                f"stride needs a piece of at least as many steps, got stride={stride}, piece={piece}"
            )
        if not self.cutting.gains or not all(0 < gain < float("inf") for gain in self.cutting.gains):
            raise ValueError(f"gains must be factors above 0, at least one, got {self.cutting.gains}")
        if self.split_by == "time" and (split.by or split.val or split.test or split.folds):
            raise ValueError(
                "split.by, val, test and folds choose whole series; set split_by=series, or leave them out"
            )

    def find(self) -> Findings:
        bad = BadOnes(skip=self.skip_bad)
        read = read_all(
            self.tables, standard.local(self.path), self.target_path, seen=self.horizon > 0, bad=bad
        )
        self.series, self.codes = read.series, read.codes
        self.columns, self.targets = read.columns, read.targets
        self.pieces = self.cutting.pieces([s.name for s in self.series], list(map(len, self.series)), bad)
        if not self.pieces:
            first = bad.skipped[0]
            raise BadInput(
                f"{read.root}: nothing in it can be used; the first of {len(bad.skipped)} faults: "
                f"{first.reason} ({first.name})"
            )
        digest, of_content = read.digest
        return Findings(
            source=read.root.name,
            digest=digest,
            names=[
                f"{self.series[p.series].name} rows {p.scored + self.horizon + 1}-{p.stop + self.horizon}"
                + ("" if p.gain == 1 else f" x {p.gain:g}")
                for p in self.pieces
            ],
            lengths=np.array([piece.stop - piece.start for piece in self.pieces]),
            fields={"series": [self.series[piece.series].name for piece in self.pieces]},
            given=[piece.part for piece in self.pieces] if self.split_by == "time" else None,
            skipped=bad.skipped,
            metadata={
                "digest_of": None if of_content else "names and sizes",
                "series": len(self.series),
                "rows": sum(map(len, self.series)),
                "gaps": sum(series.gaps.count for series in self.series),
                "horizon": self.horizon,
                "other_files": read.others,
            },
        )

    def examples(self, found: Findings, train: np.ndarray) -> Examples:
        spans = [self._spans(numbers) for numbers in self.parts]
        learned, still = learn(
            self.series,
            spans[0],
            self.columns,
            self.targets,
            self.codes,
            horizon=self.horizon,
            difference=self.difference,
            source=found.source,
        )
        if "table" in self.saved:
            learned = taken_back(self.saved["table"], learned, source=found.source)
        self.learned = learned
        places = learned.places(self.codes)
        self.input_size = len(self.columns) + sum(map(len, learned.values))
        self.output_size = len(self.targets)
        self.target_shift, self.target_scale = (
            torch.tensor(each) for each in (learned.target_shift, learned.target_scale)
        )
        figures = self._floors(spans)
        found.metadata = {**found.metadata, **figures}
        found.notes = self._notes(learned, still, figures)
        return Forecasts(
            self.series,
            self.pieces,
            horizon=self.horizon,
            difference=self.difference,
            own=np.array([self.target_path is None and c in self.targets for c in self.columns], dtype=bool),
            inputs=learned.inputs,
            targets=learned.target,
            places=places,
        )

    def remembered(self) -> dict[str, Any]:
        return {} if self.learned is None else {"table": self.learned.plain()}

    def reader(self, *, input_size: int, token_ids: bool) -> Reader:
        """Rows of the numeric inputs in the file's units; values of text columns as columns of 0 and 1."""
        if "table" not in self.saved and self.learned is None:
            return Rows(input_size=input_size)
        learned = self.learned or Learned(**self.saved["table"])
        return learned.pipe(list(map(str, self.tables.categories)))

    def _spans(self, numbers: np.ndarray) -> list[Span]:
        """Of every series in a part, the rows that are asked for."""
        of: dict[int, list[int]] = {}
        for piece in (self.pieces[number] for number in numbers):
            of.setdefault(piece.series, []).extend((piece.scored, piece.stop))
        return [(number, min(ends) + self.horizon, max(ends) + self.horizon) for number, ends in of.items()]

    def _floors(self, spans: Sequence[Sequence[Span]]) -> dict[str, float]:
        """What needs no network reaches, in the file's units, on test (or else validation) and validation."""
        figures: dict[str, float] = {}
        if self.horizon == 0 or self.output_size > MOST_NAMED:
            return figures
        for prefix, scored in (("", spans[2] or spans[1]), ("val_", spans[1])):
            before: Sequence[Span] = spans[0]
            if self.split_by == "time":
                before = [(number, 0, start) for number, start, _ in scored]
            figures |= floors(self.series, before, scored, horizon=self.horizon, prefix=prefix)
        return figures

    def _notes(self, learned: Learned, still: Sequence[str], figures: dict[str, float]) -> list[str]:
        """Lines for the summary."""
        lines = [f"read: {_few(self.columns)}"]
        for wanted, values in zip(self.tables.categories, learned.values, strict=True):
            lines.append(f"{wanted}: {len(values)} values in training: {_few(values)}")
        if still:
            lines.append(f"constant in training, so they say nothing: {_few(still)}")
        gaps = [series.gaps for series in self.series if series.gaps.count]
        if gaps:
            longest = max(each.longest for each in gaps)
            lines.append(
                f"{sum(each.count for each in gaps):,} gaps in time, the longest {longest:,.4g} usual steps, "
                f"the first at {gaps[0].at}; rows on both sides are taken as neighbours"
            )
        if figures:
            told = ", ".join(f"{name} {value:.2f}" for name, value in figures.items())
            lines.append(f"without a network: {told} (linear: 24 lags, fitted to all before the part)")
        return lines


def _listed(columns: list[Column] | Column) -> list[Column]:
    return columns if isinstance(columns, list) else [columns]


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
