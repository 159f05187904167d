"""Labelled gather: all labelled texts of a path, in memory as numbers."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np

from datamodules.collecting.copies import assign_apart, names_of
from datamodules.collecting.findings import BadOnes, Findings, Skipped
from datamodules.collecting.partition import Partition
from datamodules.collecting.places import Places
from datamodules.files import digest_of
from datamodules.labelled.columns import Columns
from datamodules.labelled.files import LEFT_OUT, Layout
from datamodules.labelled.rows import label_order, rows_of
from datamodules.labelled.tables import Dialect
from datamodules.labelled.tokens import Texts
from elman.errors import BadInput

IN_LATER_PART = "the same text as one in a later part (train, val, test)"
MOST_LABELS = 100
"""More different labels than this are no classes where they are more than half as many as the texts."""


class Gathered:
    """What was read, text by text.

    Args:
        texts: takes the texts.
        layout: what is read.
        columns, dialect: how tables are read.
        classes: labels that count; None: all.
        skip_bad: leave out and count what cannot be used.

    `places`, `labels`, `groups` and `parts` are of each text, in order; `notes` say what was taken for what.

    Raises:
        BadInput: if something is bad and not skipped, or what is left is nothing to learn classes from.
    """

    def __init__(
        self,
        texts: Texts,
        layout: Layout,
        *,
        columns: Columns,
        dialect: Dialect,
        classes: Sequence[str] | None,
        skip_bad: bool | float,
    ) -> None:
        self.texts, self.layout, self.columns = texts, layout, columns
        self.places = Places(layout.root, [source.file for source in layout.sources])
        self.groups: list[str] = []
        self.parts: list[str | None] = []
        self.notes: list[str] = []
        for source in layout.sources:
            if source.form != "table" and (named := columns.given()):
                raise BadInput(
                    f"{source.file}: data.{named[0]} names a column, but this is no table; leave it out"
                )
        bad = BadOnes(skip=skip_bad)
        unwanted: list[Skipped] = []
        numbers = array("q")
        number_of: dict[str, int] = {}
        same: dict[str, str] = {}  # one object for groups that are equal
        for number, source in enumerate(layout.sources):
            for row in rows_of(source, columns=columns, dialect=dialect, bad=bad, notes=self.notes):
                if classes is not None and row.label not in classes:
                    unwanted.append(Skipped(self.places.name(number, row.line), LEFT_OUT))
                    continue
                texts.add(row.text)
                self.places.add(number, row.line)
                numbers.append(number_of.setdefault(row.label, len(number_of)))
                self.groups.append(same.setdefault(row.group, row.group))
                self.parts.append(row.part)
        self.skipped = [*layout.skipped, *bad.skipped, *unwanted]
        self.classes = label_order(list(number_of))
        self._check(str(layout.root))
        bad.refuse_most(layout.root.name, len(self.places) + len(unwanted))
        order = np.array([self.classes.index(label) for label in number_of])
        self.labels = order[np.frombuffer(numbers, dtype=np.int64)]

    def findings(self, partition: Partition) -> tuple[Findings, np.ndarray]:
        """Texts that are no copy of one in a later part, and their numbers."""
        source, copies = self.layout.root.name, self.texts.copies()
        fields = {} if self.columns.group is None else {"group": self.groups}
        parts, left_out = assign_apart(
            partition,
            copies,
            source=source,
            classes=self.labels.tolist(),
            fields=fields,
            given=self.parts,
        )
        again = [Skipped(self.places[n], IN_LATER_PART) for n in np.flatnonzero(left_out).tolist()]
        chosen = np.flatnonzero(~left_out)
        self.places.keep(chosen)
        repeated = len(copies) - len(np.unique(copies))
        if repeated:
            self.notes.append(f"{repeated:,} texts are copies of another one, and on its side of the split")
        if shortened := self.texts.shortened:
            kept = f"their {self.texts.keep} {self.texts.unit}"
            self.notes.append(f"{shortened:,} texts were longer, and keep {kept}")
        files = [each.file for each in self.layout.sources]
        digest, of_content = digest_of(files, self.layout.root)
        found = Findings(
            source=source,
            digest=digest,
            names=self.places,
            lengths=np.diff(self.texts.starts)[chosen],
            classes=self.classes,
            labels=self.labels[chosen],
            fields={name: [values[n] for n in chosen.tolist()] for name, values in fields.items()},
            given=names_of(parts[chosen]),
            skipped=[*self.skipped, *again],
            metadata={
                "unit": self.texts.unit,
                "lower": self.texts.lower,
                "files": len(files),
                "copies": repeated,
                "shortened": shortened,
                "digest_of": "content" if of_content else "names and sizes",
            },
            notes=self.notes,
        )
        return found, chosen

    def _check(self, root: str) -> None:
        found, count = self.classes, len(self.places)
        if not count:
            why = f"; all {len(self.skipped)} were skipped, the first because: {self.skipped[0].reason}"
            raise BadInput(f"{root}: no text can be used{why if self.skipped else ''}")
        if len(found) == 1:
            raise BadInput(
                f"{root}: all {count:,} texts have the one label {found[0][:40]!r}; "
                "give texts of two classes or more, or set data.label to another column"
            )
        if len(found) > MOST_LABELS and len(found) > count / 2:
            raise BadInput(
                f"{root}: {len(found):,} different labels on {count:,} texts (one is {found[0][:40]!r}) "
                "are no classes; set data.label to the column that holds them"
            )
