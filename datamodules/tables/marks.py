"""Marks: cells that mean "no value", and how many of each there were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datamodules.tables.numerals import PLAIN, Numerals, plain_float

MISSING_MARKS = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None")


class Marks:
    """A mark that is a number stands for this value however it is written, in typed columns too.

    Args:
        marks: cells that mean "no value", blanks around them aside.
        numerals: how numbers are written.

    `hits` counts the cells that each one was found in; `own` are those beside the usual ones.
    """

    def __init__(self, marks: Sequence[str] = (), numerals: Numerals = PLAIN) -> None:
        self.texts = pa.array(marks, pa.string())
        self.known = frozenset(marks)
        self.own = [mark for mark in marks if mark not in MISSING_MARKS]
        found = {mark: plain_float(mark) for mark in marks} | {mark: numerals.value(mark) for mark in marks}
        self.values = {mark: self._single(value) for mark, value in found.items() if not np.isnan(value)}
        self.hits: Counter[str] = Counter()

    def of_texts(self, cells: pa.Array) -> np.ndarray:
        """(N,) bool, where a mark stands, or nothing at all. Blanks around cells are gone."""
        found = pc.is_in(cells, value_set=self.texts)
        for each in pc.value_counts(pc.filter(cells, found)).to_pylist():
            self.hits[each["values"]] += each["counts"]
        return pc.or_(found, pc.is_null(cells)).to_numpy(zero_copy_only=False)

    def of_values(self, values: np.ndarray) -> np.ndarray:
        """(N,) bool, where the value of a mark stands; values are compared in 32 bits, as they are kept."""
        found = np.zeros(len(values), bool)
        for mark, value in self.values.items():
            same = self._single(values) == value
            self.hits[mark] += int(same.sum())
            found |= same
        return found

    def holds(self, text: str) -> str | None:
        """The mark that a text is."""
        if text in self.known:
            return text
        value = self._single(plain_float(text)) if self.values else None
        return next((mark for mark, each in self.values.items() if each == value), None)

    def unmet(self) -> list[str]:
        """Those of `own` that no cell was."""
        return [mark for mark in self.own if not self.hits[mark]]

    @staticmethod
    def _single(values: Any) -> Any:
        with np.errstate(over="ignore"):
            return np.float32(values)
