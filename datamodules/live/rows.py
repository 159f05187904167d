"""Rows and Ids: numbers from a pipe, a step a line."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from math import isfinite

import torch
from torch import Tensor

from datamodules.live.lines import line_chunks
from datamodules.live.reader import BLANK, NEVER, SOURCE, Chunk, Reader
from datamodules.tables.csv_dialect import EXCEL, SEPARATORS
from datamodules.tables.numerals import PLAIN, Numerals
from elman.errors import BadInput


class Rows(Reader):
    """A row of separated values a step: x = (value - mean) / std.

    The first line may be a header. Where `names` is known it picks the columns, in any order and among
    others; else there are as many columns as inputs. An empty line ends a sequence, unless `reset_on` is
    never, which skips it.

    Args:
        input_size: values of a row.
        names: of the values, in the order of x; empty: they have none.
        mean, std: (input_size,) of the training data, which x is standardised by; None: x is the values.
        outputs: names of what is predicted.
        scale, shift: (O,) of predicted values, as `Reader` has them.
        separator: between values; None: that of a first line `sep=;`, or the first of tab, semicolon, bar and
            comma by which the first line is such a row or a header of them.
        numerals: how numbers are written.
    """

    resets = (BLANK, NEVER)

    def __init__(
        self,
        *,
        input_size: int,
        names: Sequence[str] = (),
        mean: Tensor | None = None,
        std: Tensor | None = None,
        outputs: Sequence[str] = (),
        scale: Tensor | None = None,
        shift: Tensor | None = None,
        separator: str | None = ",",
        numerals: Numerals = PLAIN,
    ) -> None:
        self.input_size, self.names, self.outputs = input_size, tuple(names), outputs
        self.mean, self.std, self.scale, self.shift = mean, std, scale, shift
        self.separator, self.numerals = separator, numerals
        what = f" ({', '.join(self.names)})" if self.names else ""
        self.unit = f"CSV rows of {input_size} value{'s' if input_size > 1 else ''}{what}"

    def chunks(self, pieces: Iterable[bytes], *, reset_on: str = BLANK) -> Iterator[Chunk]:
        columns: list[int] | None = None  # which cells of a line are x; None before the first line
        width, separator = self.input_size, self.separator

        def step(line: str, number: int) -> list[float] | None:
            nonlocal columns, width, separator
            if columns is None and separator is None:
                if excel := EXCEL.fullmatch(line):
                    separator = excel[1]
                    return None
                separator = self._found(line, number)
            cells = _cells(line, number, separator or ",")
            if columns is None:
                if not any(map(self._is_number, cells)):
                    columns, width = self._columns(cells, number), len(cells)
                    return None
                columns = list(range(self.input_size))
            return self._row(cells, columns, width, number)

        return line_chunks(pieces, step=step, chunk=self._chunk, blank_ends=reset_on == BLANK)

    def _found(self, line: str, number: int) -> str:
        """What stands between the values of a first line."""
        for separator in SEPARATORS:
            cells = _cells(line, number, separator)
            named = bool(self.names) and set(self.names) <= set(cells)
            if named or (len(cells) == self.input_size and all(map(self._is_number, cells))):
                return separator
        return ","

    def _columns(self, header: list[str], number: int) -> list[int]:
        if not self.names:
            if len(header) != self.input_size:
                raise BadInput(
                    f"{SOURCE}, line {number}: the header names {len(header)} columns, but the network reads "
                    f"{self.input_size} values a row; give it those"
                )
            return list(range(self.input_size))
        missing = [name for name in self.names if name not in header]
        if missing:
            raise BadInput(
                f"{SOURCE}, line {number}: the header has no column {missing[0]!r}; the network reads "
                f"{', '.join(self.names)}"
            )
        return [header.index(name) for name in self.names]

    def _row(self, cells: list[str], columns: list[int], width: int, number: int) -> list[float]:
        if len(cells) != width:
            count = f"{len(cells)} value{'' if len(cells) == 1 else 's'}"
            raise BadInput(
                f"{SOURCE}, line {number}: {count}, but a row must have {width}; "
                f"separate them by {'commas' if self.separator == ',' else 'one sign'}, a row a line"
            )
        for column in columns:
            if not self._is_number(cells[column]):
                raise BadInput(
                    f"{SOURCE}, line {number}: {cells[column]!r} in column {column + 1} must be a finite "
                    "number; fill the gap, or leave the row out"
                )
        return [self.numerals.value(cells[column]) for column in columns]

    def _is_number(self, cell: str) -> bool:
        return isfinite(self.numerals.value(cell))

    def _chunk(self, rows: list[list[float]], is_last: bool) -> Chunk:
        x = torch.tensor(rows, dtype=torch.float64).reshape(len(rows), self.input_size)
        if self.mean is not None and self.std is not None:
            x = (x - self.mean.double()) / self.std.double()
        return Chunk(x.float(), {}, is_last)


class Ids(Reader):
    """A whole number a line, the id of a step. An empty line ends a sequence.

    Args:
        input_size: ids lie in [0, input_size).
        outputs: names of what is predicted.
    """

    resets = (BLANK, NEVER)

    def __init__(self, *, input_size: int, outputs: Sequence[str] = ()) -> None:
        self.input_size, self.outputs = input_size, outputs
        self.unit = f"ids from 0 to {input_size - 1}, one a line"

    def chunks(self, pieces: Iterable[bytes], *, reset_on: str = BLANK) -> Iterator[Chunk]:
        return line_chunks(pieces, step=self._id, chunk=_ids, blank_ends=reset_on == BLANK)

    def _id(self, line: str, number: int) -> int:
        word, most = line.strip(), self.input_size - 1
        if word.isascii() and word.isdigit() and int(word) <= most:
            return int(word)
        raise BadInput(f"{SOURCE}, line {number}: must be an id, 0 to {most}, got {word[:40]!r}")


def _ids(ids: list[int], is_last: bool) -> Chunk:
    return Chunk(torch.tensor(ids, dtype=torch.int64), {"id": ids}, is_last)


def _cells(line: str, number: int, separator: str) -> list[str]:
    try:
        (cells,) = csv.reader([line], strict=True, delimiter=separator)
    except csv.Error as error:
        raise BadInput(f"{SOURCE}, line {number}: is no row of CSV ({error}); mend its quotes") from error
    return [cell.strip() for cell in cells]
