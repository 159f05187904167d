"""Labelled text: which class is it? Texts of any origin, a label on each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from datamodules.collecting.batching import Batching
from datamodules.collecting.collected import Collected
from datamodules.collecting.examples import Examples
from datamodules.collecting.findings import Findings, check_skip
from datamodules.collecting.partition import Partition
from datamodules.fetching import standard
from datamodules.labelled.columns import Columns
from datamodules.labelled.examples import LabelledExamples
from datamodules.labelled.files import find_sources
from datamodules.labelled.gather import Gathered
from datamodules.labelled.tables import Dialect
from datamodules.labelled.tokens import Listed, Texts, Unit, tokens_of
from datamodules.live import Reader, Sentences
from datamodules.sequence_data import check_counts
from elman.errors import BadInput


class LabelledText(Collected):
    """The class of a text, many-to-one: x (T,) ids of words, characters or bytes, scored at the last step.

    Reads, with nothing but a path: a table (.csv, .tsv, JSON lines, parquet) with a column of texts and one
    of labels; a folder with a file for each class, a text in every line; a folder with a folder for each
    class, a text in every file. Files or folders named train, val and test are a given split (`find_sources`
    has the rules). All of it is read once, as a stream, and kept as numbers.

    Tokens are listed from the training part, the most frequent first; any other is id 0. Texts whose
    kept steps are equal are never on both sides of a split (`assign_apart`). Where a training part is given
    without a validation part, validation is drawn from it.

    Args:
        path: a file or a folder.
        text: column of a table with the texts, by name or by number from 0; null: found by a usual name
            (text, sentence, review, content), or one of the two columns that are left.
        label: column of a table with the labels, by name or by number from 0; null: found by a usual name
            (label, class, target, sentiment, category), or of the two that are left that of shorter values.
        group: column whose equal values stay on one side of the split; it becomes the field "group".
        part: column with train, val or test.
        header: whether the first row of a CSV names its columns; null: it does if a
            column is named, if it holds a usual name, or if its label is that of none of the next 100 rows.
        delimiter: what stands between the columns of a CSV; null: that of a first line `sep=;`, as Excel
            writes it, else a tab in .tsv, and in .csv the first of tab, semicolon, bar and comma that splits
            the first rows evenly.
        quote: what a value with delimiters in it stands in; null: quotes are text.
        encoding: of the texts: utf-8, utf-16, cp1252 (Western Windows), ...
        classes: labels that count, others are left out; null: all.
        unit: what a step is: words (runs of letters, digits and underscores, with an apostrophe inside; any
            other character that is not blank is a word of its own), characters, or bytes of UTF-8.
        lower: read in lower case.
        max_symbols: most tokens that are listed; bytes are all listed.
        min_count: a token that the training part has less often is not listed, so that id 0 is trained.
        max_steps_per_text: steps kept of a longer text; null: all.
        keep: which end of a longer text is kept: its first or its last steps.
        skip_bad: leave out and count rows and files that cannot be used: true, at most half of them, or the
            largest share; false refuses the data.
        split: which texts train, validate and test.
        batching: which texts share a batch.

    Raises:
        ValueError: for a value out of range.

    Cost: 4 to 6 bytes a step and some 50 a text, in memory.
    """

    token_ids = True

    def __init__(
        self,
        *,
        path: str,
        text: int | str | None = None,
        label: int | str | None = None,
        group: int | str | None = None,
        part: int | str | None = None,
        header: bool | None = None,
        delimiter: str | None = None,
        quote: str | None = '"',
        encoding: str = "utf-8",
        classes: Sequence[str] | None = None,
        unit: Unit = "words",
        lower: bool = True,
        max_symbols: int = 20_000,
        min_count: int = 2,
        max_steps_per_text: int | None = None,
        keep: Literal["first", "last"] = "last",
        skip_bad: bool | float = False,
        split: Partition = Partition(),
        batching: Batching = Batching(),
    ) -> None:
        # Parts are assigned here, where copies are known: what is handed on follows what is given.
        super().__init__(split=Partition(shares=split.shares), batching=batching, unit=unit)
        if not path.strip():
            raise ValueError("path must name a file or a folder, got ''")
        check_counts(1, max_symbols=max_symbols, min_count=min_count)
        check_skip(skip_bad)
        if classes is not None and (isinstance(classes, str) or len(set(classes)) < 2):
            raise ValueError(f"classes must be a list of two or more labels, got {classes!r}")
        self.path = path
        self.columns = Columns(text=text, label=label, group=group, part=part, header=header)
        self.dialect = Dialect(delimiter=delimiter, quote=quote, encoding=encoding)
        self.wanted = None if classes is None else [str(name) for name in classes]
        self.max_symbols, self.min_count, self.skip_bad = max_symbols, min_count, skip_bad
        self.partition = replace(split, by="group") if group is not None and split.by is None else split
        self.texts = Texts(unit=unit, lower=lower, most=max_steps_per_text, keep=keep)
        self.chosen = np.zeros(0, dtype=np.int64)  # numbers of the texts that are examples
        self.step, self.lower = unit, lower

    def find(self) -> Findings:
        gathered = Gathered(
            self.texts,
            find_sources(standard.local(self.path), classes=self.wanted),
            columns=self.columns,
            dialect=self.dialect,
            classes=self.wanted,
            skip_bad=self.skip_bad,
        )
        found, self.chosen = gathered.findings(self.partition)
        return found

    def examples(self, found: Findings, train: np.ndarray) -> Examples:
        limits = {"limit": self.max_symbols, "least": self.min_count}
        self.vocabulary = (
            self._remembered() if self.saved else self.texts.most_frequent(self.chosen[train], **limits)
        )
        self.input_size, self.output_size = len(self.vocabulary), len(found.classes)
        assert found.labels is not None
        ids, starts = self.texts.ids(self.vocabulary), self.texts.starts
        labelled = LabelledExamples(ids, starts, self.chosen, found.labels)
        found.notes = [
            *found.notes,
            f"{len(self.vocabulary.listed):,} {self.unit} are listed; "
            f"{labelled.unknown(self.parts[1]):.1%} of the validation part's are not",
        ]
        del self.texts  # the ids hold all of them
        return labelled

    def reader(self, *, input_size: int, token_ids: bool) -> Reader:
        vocabulary = self._remembered() if self.saved else self.vocabulary
        return Sentences(
            tokens=lambda line: tokens_of(line, vocabulary.unit, lower=vocabulary.lower),
            encode=vocabulary.encode,
            step=vocabulary.unit.removesuffix("s"),
            outputs=self.classes,
        )

    def remembered(self) -> dict[str, Any]:
        return {"symbols": self.vocabulary.listed, "unit": self.step, "lower": self.lower}

    def _remembered(self) -> Listed:
        for name, own in (("unit", self.step), ("lower", self.lower)):
            if self.saved.get(name) != own:
                raise BadInput(
                    f"data.{name}={own}, but the checkpoint was trained with {self.saved.get(name)}; set that"
                )
        return Listed(self.saved["symbols"], unit=self.step, lower=self.lower)
