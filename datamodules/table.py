"""Table: forecasting of time series from CSV and parquet."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from datamodules.collecting.batching import Batching
from datamodules.collecting.collected import Collected
from datamodules.collecting.examples import Examples
from datamodules.collecting.findings import BadOnes, Findings
from datamodules.collecting.partition import Partition
from datamodules.fetching import standard
from datamodules.live import Reader, Rows
from datamodules.tables.baselines import baselines
from datamodules.tables.forecast import Forecasts
from datamodules.tables.learned import Learned, ScalingOf, learn, scalings, taken_back
from datamodules.tables.marks import MISSING_MARKS
from datamodules.tables.missing import Missing
from datamodules.tables.notes import notes
from datamodules.tables.numerals import Decimal, Numerals, Thousands
from datamodules.tables.pieces import Cutting, Piece, spans
from datamodules.tables.series import Column, SeriesReader
from datamodules.tables.series_folder import SeriesSet, read_all
from elman.errors import BadInput


class Table(Collected):
    """Forecasting, many-to-many aligned: step t reads row t and predicts the target of row t + horizon.

    x (T, F): the numeric inputs, standardised, and a 1 for the value of each text column.
    y (T, O): the target, or with `difference` its change since row t, standardised. In the file's units
    it is y * `target_scale` + `target_shift`. All means, deviations and values of
    text columns are those of the training part.

    By `split_by="time"` each series is divided in order, its last rows test. Validation and test begin with
    `warmup` steps of history that are run and not scored, and training reads no row of theirs. Training is
    cut into pieces, each with such a run-up: with null `piece`, one series makes as many as
    `batching.batch_size`, side by side, and of many series each is one. By `split_by="series"` whole
    series train, validate or test.

    Args:
        path: a file, or a folder with a series a file.
        target: column or columns to forecast, by name or number from 0.
        inputs: numeric columns to read; null: all that no other argument names.
        time: a column of times, columns of year, month, day, hour, ..., or several of text that are a time
            with a blank between (date and time); rows must ascend. null: no check.
        time_format: of the times, as for strptime, such as "%d.%m.%Y %H:%M"; null: numbers, dates such as
            2010-01-31 05:00+02:00 or 20100131, or the one other usual form that fits all the first rows.
        sort: put the rows of each series in the order of time first, where the newest stands first.
        group: column that tells series apart where one file holds several.
        categories: text columns.
        target_path: a file, or a folder with files of the same names, that holds the targets row by row.
        missing: "error", "previous" (repeat the value of the row before; as a target it is not scored), or
            "zero" (the mark means 0).
        missing_marks: cells that mean no value; one that is a number, -9999, means it in whatever way it is
            written, and in parquet. One that no cell is, is refused.
        most_missing: share of a column's cells that may lack a value; more is refused.
        drop_leading: leave out the first rows, up to the first with a value in every column.
        horizon: rows between what is read and what is predicted; 0 only with targets that are no inputs.
        difference: predict the change since row t instead of the value.
        warmup: steps of history before what is scored.
        piece: scored steps of a training sequence; null: see above.
        stride: steps between the beginnings of two; null: as `piece`. A smaller one scores steps repeatedly.
        scaling: whose training rows give a column's mean and deviation: all series together, or with series
            each its own, for series of unlike size. Metrics are in the file's units in both.
        gains: training has its sequences with the target, as input too, at these multiples, so that it covers
            levels which are rare in it.
        separator: between values of a row; null: that of a first line `sep=;`, as Excel writes it, or the
            first of tab, semicolon, bar and comma that splits the first rows evenly.
        header: whether the first row names the columns.
        encoding: of the text: utf-8, utf-16, cp1252 (Western Windows), ...
        decimal: the decimal sign, "." or ",".
        thousands: between groups of three digits: ",", ".", "'" or space; null: nothing.
        percent: numbers may end in a percent sign; 20% is read as 0.2.
        split_by: time or series.
        split: shares of the parts, and with `series` all of `Partition`; its field is `series`.
        batching: which sequences share a batch.
        skip_bad: leave out files and series that cannot be used, and count them: true, at most half of them,
            or the largest share; false refuses the data.

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
        sort: bool = False,
        group: Column | None = None,
        categories: list[Column] = [],  # noqa: B006  (jsonargparse shows it; it is never changed)
        target_path: str | None = None,
        missing: Missing = "error",
        missing_marks: list[str] = list(MISSING_MARKS),  # noqa: B006
        most_missing: float = 0.5,
        drop_leading: bool = False,
        horizon: int = 1,
        difference: bool = False,
        warmup: int = 100,
        piece: int | None = None,
        stride: int | None = None,
        scaling: ScalingOf = "all",
        gains: list[float] = [1.0],  # noqa: B006
        separator: str | None = None,
        header: bool = True,
        encoding: str = "utf-8",
        decimal: Decimal = ".",
        thousands: Thousands | None = None,
        percent: bool = False,
        split_by: Literal["time", "series"] = "time",
        split: Partition = Partition(),
        batching: Batching = Batching(batch_size=16),
        skip_bad: bool | float = False,
    ) -> None:
        super().__init__(split=split, batching=batching, unit="steps")
        self.path, self.target_path, self.skip_bad = path, target_path, skip_bad
        self.horizon, self.difference, self.by_time = horizon, difference, split_by == "time"
        self.most_missing, self.scaling = most_missing, scaling
        if scaling not in ("all", "series") or (scaling == "series" and not self.by_time):
            raise ValueError(f"scaling must be all, or with split_by=time series, got {scaling!r}")
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
            sort=sort,
            separator=separator,
            header=header,
            encoding=encoding,
            numerals=Numerals(decimal=decimal, thousands=thousands, percent=percent),
        )
        self.cutting = Cutting(
            shares=split.shares if self.by_time else None,
            horizon=horizon,
            warmup=warmup,
            piece=piece,
            stride=stride,
            gains=gains,
            batch_size=batching.batch_size,
        )
        if split_by not in ("time", "series"):
            raise ValueError(f"split_by must be time or series, got {split_by!r}")
        if horizon == 0 and difference:
            raise ValueError("difference needs a value before the one that is asked for, so horizon above 0")
        if not 0 <= most_missing <= 1:
            raise ValueError(f"most_missing is a share and must lie in [0, 1], got {most_missing}")
        if self.by_time and (given := [n for n in ("by", "val", "test", "folds") if getattr(split, n)]):
            raise ValueError(
                f"split.{given[0]} chooses whole series, and split_by=time divides each; set data.split_by="
                f"series, or data.split.{given[0]}=null"
            )
        self.read: SeriesSet | None = None  # from `find` on
        self.pieces: list[Piece] = []
        self.learned: Learned | None = None

    def find(self) -> Findings:
        bad = BadOnes(skip=self.skip_bad)
        path = standard.local(self.path)
        self.read = read = read_all(self.tables, path, self.target_path, shown=self.horizon > 0, bad=bad)
        self.pieces = self.cutting.pieces([s.name for s in read.series], list(map(len, read.series)), bad)
        if not self.pieces:
            first = bad.skipped[0]
            raise BadInput(
                f"{read.root}: nothing in it can be used; the first of {len(bad.skipped)} faults: "
                f"{first.reason} ({first.name})"
            )
        bad.refuse_most(read.root.name, len({piece.series for piece in self.pieces}))
        read.account.check(read.root.name, most=self.most_missing, trained=bool(self.saved))
        digest, of_content = read.digest
        of = [read.series[piece.series].name for piece in self.pieces]
        return Findings(
            source=read.root.name,
            digest=digest,
            names=[piece.name(name, self.horizon) for piece, name in zip(self.pieces, of, strict=True)],
            lengths=np.array([piece.stop - piece.start for piece in self.pieces]),
            fields={"series": of},
            given=[piece.part for piece in self.pieces] if self.by_time else None,
            skipped=bad.skipped,
            metadata={
                "digest_of": None if of_content else "names and sizes",
                "series": len(read.series),
                "rows": sum(map(len, read.series)),
                "gaps": sum(series.gaps.count for series in read.series),
                "horizon": self.horizon,
                **read.account.metadata(),
            },
        )

    def examples(self, found: Findings, train: np.ndarray) -> Examples:
        read = self.read
        assert read is not None
        parts = [spans(self.pieces, numbers, horizon=self.horizon) for numbers in self.parts]
        learned, constant = learn(
            read,
            parts[0],
            horizon=self.horizon,
            difference=self.difference,
            scaling=self.scaling,
            source=found.source,
        )
        if "table" in self.saved:
            learned = taken_back(self.saved["table"], learned, source=found.source)
        self.learned = learned
        self.input_size = len(read.columns) + sum(map(len, learned.values))
        self.output_size = len(read.targets)
        per_series = scalings(read, parts[0], learned)
        self.numbers = {name: piece.series for name, piece in zip(found.names, self.pieces, strict=True)}
        self.units = [(torch.tensor(target.scale), torch.tensor(target.shift)) for _, target in per_series]
        if self.scaling == "all":
            self.target_shift, self.target_scale = (
                torch.tensor(each) for each in (learned.target_shift, learned.target_scale)
            )
        metrics = baselines(read.series, parts, horizon=self.horizon, by_time=self.by_time)
        found.metadata = {**found.metadata, **metrics}
        found.notes = notes(read, self.tables, learned, parts=parts, constant=constant, metrics=metrics)
        own = [self.target_path is None and name in read.targets for name in read.columns]
        return Forecasts(
            read.series,
            self.pieces,
            learned,
            per_series,
            own=np.array(own, bool),
            places=learned.places(read.codes),
        )

    def target_units(self, name: str | None) -> tuple[Tensor, Tensor] | None:
        if self.scaling == "series" and name is not None:
            return self.units[self.numbers[name]]
        return super().target_units(name)

    def remembered(self) -> dict[str, Any]:
        return {} if self.learned is None else {"table": self.learned.plain()}

    def reader(self, *, input_size: int, token_ids: bool) -> Reader:
        """Rows of the numeric inputs in the file's units, written as the file is, but in UTF-8.

        Values of text columns come as columns of 0 and 1.
        """
        if "table" not in self.saved and self.learned is None:
            return Rows(input_size=input_size)
        learned = self.learned or Learned(**self.saved["table"])
        written = {"separator": self.tables.separator, "numerals": self.tables.numerals}
        return learned.pipe(list(map(str, self.tables.categories)), **written)


def _listed(columns: list[Column] | Column) -> list[Column]:
    return columns if isinstance(columns, list) else [columns]
