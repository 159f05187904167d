"""Labelled text: which class is it? Texts of any origin, a label on each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch

from datamodules.collecting.batching import Batching
from datamodules.collecting.collected import Collected
from datamodules.collecting.copies import assign_apart, names_of
from datamodules.collecting.examples import Example, Examples, many_to_one, many_to_one_batch, padded
from datamodules.collecting.findings import Findings, Skipped
from datamodules.collecting.partition import Partition
from datamodules.fetching import standard
from datamodules.files import digest_of
from datamodules.labelled.columns import Columns
from datamodules.labelled.files import find_sources
from datamodules.labelled.gather import Gathered
from datamodules.labelled.tables import Dialect
from datamodules.labelled.tokens import UNITS, Listed, Texts, Unit, tokens_of
from datamodules.live import Reader, Sentences
from datamodules.sequence_data import check_counts
from elman.batch import SequenceBatch
from elman.errors import BadInput

IN_LATER_PART = "the same text as one in a later part (train, val, test)"


class LabelledText(Collected):
    """The class of a text, many-to-one: x (T,) ids of words, characters or bytes, asked at the last step.

    Reads, with nothing but a path: a table (.csv, .tsv, JSON lines, parquet) with a column of texts and one
    of labels; a folder with a file for each class, a text in every line; a folder with a folder for each
    class, a text in every file. Files or folders named train, val and test are a given split (`find_sources`
    has the rules). All of it is read once, as a stream, and kept as numbers.

    Symbols are listed from the training part, the most frequent first; any other is id 0. Texts that are
    equal to the network are never on both sides of a split (`assign_apart`). Where a training part is given
    without a validation part, validation is drawn from it.

    Args:
        path: a file or a folder, UTF-8.
        text, label: columns of a table, by name or by number from 0; null: found by their usual names (text,
            sentence, review, content; label, class, target, sentiment, category), or the two that are left.
        group: column whose equal values stay on one side of the split; it becomes the field "group".
        part: column that says train, val or test.
        header: whether the first row of a CSV names its columns; null: found (`Columns` has the rule).
        delimiter: what stands between the columns of a CSV; null: from its suffix.
        quote: what a value with delimiters in it stands in; null: quotes are text.
        classes: labels that count, others are left out; null: all.
        unit: what a step is: words, characters or bytes (`tokens_of` has the rules).
        lower: read in lower case.
        max_symbols: most symbols that are listed; bytes are all listed.
        min_count: a symbol that the training part has less often is not listed, so that id 0 is trained.
        max_steps_per_text: steps kept of a longer text; null: all.
        keep: which end of a longer text is kept: its first or its last steps.
        skip_bad: leave out and count rows and files that cannot be used; false refuses the data.
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
        classes: Sequence[str] | None = None,
        unit: Unit = "words",
        lower: bool = True,
        max_symbols: int = 20_000,
        min_count: int = 2,
        max_steps_per_text: int | None = None,
        keep: Literal["first", "last"] = "last",
        skip_bad: bool = False,
        split: Partition = Partition(),
        batching: Batching = Batching(),
    ) -> None:
        # Parts are assigned here, where copies are known: what is handed on follows what is given.
        super().__init__(split=Partition(shares=split.shares), batching=batching, unit=unit)
        if not path.strip():
            raise ValueError("path must name a file or a folder, got ''")
        if unit not in UNITS:
            raise ValueError(f"unit must be one of {', '.join(UNITS)}, got {unit!r}")
        if keep not in ("first", "last"):
            raise ValueError(f"keep must be first or last, got {keep!r}")
        check_counts(1, max_symbols=max_symbols, min_count=min_count)
        if max_steps_per_text is not None:
            check_counts(1, max_steps_per_text=max_steps_per_text)
        if classes is not None and (isinstance(classes, str) or len(set(classes)) < 2):
            raise ValueError(f"classes must be a list of two or more labels, got {classes!r}")
        self.path = path
        self.columns = Columns(text=text, label=label, group=group, part=part, header=header)
        self.dialect = Dialect(delimiter=delimiter, quote=quote)
        self.wanted = None if classes is None else [str(name) for name in classes]
        self.lower, self.max_symbols, self.min_count = lower, max_symbols, min_count
        self.max_steps_per_text, self.keep = max_steps_per_text, keep
        self.skip_bad = skip_bad
        self.partition = replace(split, by="group") if group is not None and split.by is None else split
        self.step = unit
        self._texts: Texts | None = None  # from `find` to `examples`
        self._chosen = np.zeros(0, dtype=np.int64)  # numbers of the texts that are examples
        self._notes: list[str] = []  # those of `found`; `examples` adds what the training part tells

    def find(self) -> Findings:
        layout = find_sources(standard.local(self.path), classes=self.wanted)
        texts = Texts(unit=self.step, lower=self.lower, most=self.max_steps_per_text, keep=self.keep)
        gathered = Gathered(
            texts,
            layout,
            columns=self.columns,
            dialect=self.dialect,
            classes=self.wanted,
            skip_bad=self.skip_bad,
        )
        fields = {} if self.columns.group is None else {"group": gathered.groups}
        source, copies = layout.root.name, texts.copies()
        parts, left_out = assign_apart(
            self.partition,
            copies,
            source=source,
            classes=gathered.labels.tolist(),
            fields=fields,
            given=gathered.parts,
        )
        again = [Skipped(gathered.places[n], IN_LATER_PART) for n in np.flatnonzero(left_out).tolist()]
        self._texts, self._chosen = texts, np.flatnonzero(~left_out)
        gathered.places.keep(self._chosen)
        repeated = len(copies) - len(np.unique(copies))
        self._notes = gathered.notes
        if repeated:
            self._notes.append(f"{repeated:,} texts are copies of another one, and on its side of the split")
        if texts.shortened:
            self._notes.append(
                f"{texts.shortened:,} texts were longer, and keep their {self.keep} {self.unit}"
            )
        files = [each.file for each in layout.sources]
        digest, of_content = digest_of(files, layout.root)
        return Findings(
            source=source,
            digest=digest,
            names=gathered.places,
            lengths=np.diff(texts.starts)[self._chosen],
            classes=gathered.classes,
            labels=gathered.labels[self._chosen],
            fields={name: [values[n] for n in self._chosen.tolist()] for name, values in fields.items()},
            given=names_of(parts[self._chosen]),
            skipped=[*gathered.skipped, *again],
            metadata={
                "unit": self.step,
                "lower": self.lower,
                "files": len(files),
                "copies": repeated,
                "shortened": texts.shortened,
                "digest_of": "content" if of_content else "names and sizes",
            },
            notes=self._notes,
        )

    def examples(self, found: Findings, train: np.ndarray) -> Examples:
        texts, self._texts = self._texts, None
        assert texts is not None
        if self.saved:
            self.vocabulary = self._remembered()
        else:
            self.vocabulary = texts.most_frequent(
                self._chosen[train], limit=self.max_symbols, least=self.min_count
            )
        self.input_size, self.output_size = len(self.vocabulary), len(found.classes)
        assert found.labels is not None
        labelled = _Labelled(texts.ids(self.vocabulary), texts.starts, self._chosen, found.labels)
        self._notes.append(
            f"{len(self.vocabulary.listed):,} {self.unit} are listed; "
            f"{labelled.unknown(self.parts[1]):.1%} of the validation part's are not"
        )
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


class _Labelled:
    """Slices of one array.

    Args:
        ids: of all texts on end.
        starts: (M + 1,) where each text begins, and the last one ends.
        chosen: (N,) the text of each example.
        labels: (N,) its class.
    """

    def __init__(self, ids: np.ndarray, starts: np.ndarray, chosen: np.ndarray, labels: np.ndarray) -> None:
        self.ids, self.starts, self.stops, self.labels = ids, starts[chosen], starts[chosen + 1], labels
        self.lengths = self.stops - self.starts

    def unknown(self, numbers: np.ndarray) -> float:
        """The share of steps of some examples that are id 0."""
        zeros = sum(int((self.ids[self.starts[n] : self.stops[n]] == 0).sum()) for n in numbers.tolist())
        return zeros / int(self.lengths[numbers].sum())

    def window(self, number: int, start: int, stop: int) -> Example:
        ids = self.ids[self.starts[number] : self.stops[number]]
        return many_to_one(torch.from_numpy(ids.astype(np.int64)), int(self.labels[number])).window(
            start, stop
        )

    def batch(self, numbers: np.ndarray) -> SequenceBatch:
        places = zip(self.starts[numbers].tolist(), self.stops[numbers].tolist(), strict=True)
        x = padded([torch.from_numpy(self.ids[start:stop].astype(np.int64)) for start, stop in places])
        labels, lengths = self.labels[numbers], self.lengths[numbers]
        return many_to_one_batch(x, torch.from_numpy(labels), torch.from_numpy(lengths))
