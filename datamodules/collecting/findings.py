"""Findings: what was found in files, reported before training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from elman.errors import BadInput

SHOWN = 5
SKIP_BAD = "or leave such out with data.skip_bad=true"
MOST_UNREAD = 0.1
"""Share of a folder's data that may be of kinds that are not read."""

MOST_SKIPPED = 0.5
"""Share of the examples that `skip_bad: true` may leave out."""


@dataclass(frozen=True)
class Skipped:
    """Something that was found and not used, and why.

    Args:
        name: of the file, or file and line.
        reason: a few words, the same for the same fault, so that equal ones can be counted.
    """

    name: str
    reason: str


@dataclass
class Findings:
    """Examples that were found, known without reading them whole.

    Args:
        source: what to call the data: the name of its file or folder.
        digest: hex, names the content.
        names: (N,) of the examples: file, or file and line; no two are equal.
        lengths: (N,) int64, steps of each.
        classes: names of the classes, in the order of their numbers; empty where targets are no classes.
        labels: (N,) class of each; None where there is none.
        fields: what else is known of each example: name -> (N,) values as text, for `Partition`.
        given: (N,) "train", "val", "test" or None, where the data gives parts; None: it gives none.
        skipped: what was left out.
        files: (N,) the file or folder of each, where it is one thing.
        metadata: further short metadata, for instance {"sample_rate_hz": 8000}.
        notes: further lines of the summary.
    """

    source: str
    digest: str
    names: Sequence[str]
    lengths: np.ndarray
    classes: Sequence[str] = ()
    labels: np.ndarray | None = None
    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)
    given: Sequence[str | None] | None = None
    skipped: Sequence[Skipped] = ()
    files: Sequence[Path] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def summary(self, parts: Sequence[np.ndarray], *, unit: str) -> list[str]:
        """What was found, in lines for the terminal and the run's page.

        Args:
            parts: numbers of the examples of training, validation and test.
            unit: what a step is, in the plural: characters, frames, rows.
        """
        lengths = np.asarray(self.lengths)
        lines = [
            f"{self.source}: {len(self.names):,} sequences of {lengths.min():,} to {lengths.max():,} {unit} "
            f"(median {int(np.median(lengths)):,}), {int(lengths.sum()):,} in all"
        ]
        sizes = [
            f"{len(p):,} {n}" for n, p in zip(("train", "validate", "test"), parts, strict=True) if len(p)
        ]
        lines.append("split: " + ", ".join(sizes))
        if self.labels is not None and len(self.classes):
            lines.append(self._class_line(parts[0]))
        return [*lines, *self.notes, *self._skipped_lines()]

    def _class_line(self, train: np.ndarray) -> str:
        assert self.labels is not None
        counts = Counter(self.labels[train].tolist())
        ordered = sorted(range(len(self.classes)), key=lambda c: -counts[c])
        if len(ordered) <= 12:
            shown = ", ".join(f"{self.classes[c]} {counts[c]:,}" for c in ordered)
        else:
            head = ", ".join(f"{self.classes[c]} {counts[c]:,}" for c in ordered[:SHOWN])
            shown = f"{head}, ... {self.classes[ordered[-1]]} {counts[ordered[-1]]:,}"
        line = f"{len(self.classes)} classes in training: {shown}"
        untrained = [self.classes[c] for c in ordered if not counts[c]]
        if untrained:
            more = f" and {len(untrained) - SHOWN:,} more" if len(untrained) > SHOWN else ""
            line += f"; no example of {', '.join(untrained[:SHOWN])}{more} trains"
        most, least = counts[ordered[0]], counts[ordered[-1]]
        if most >= 2 * max(1, least):
            times = most / max(1, least)
            line += f" (the most frequent is {times:.1f} times the rarest; model.loss.balance weighs them)"
        return line

    def _skipped_lines(self) -> list[str]:
        by_reason: dict[str, list[str]] = {}
        for each in self.skipped:
            by_reason.setdefault(each.reason, []).append(each.name)
        lines = []
        for reason, names in sorted(by_reason.items(), key=lambda item: -len(item[1])):
            more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
            lines.append(f"skipped {len(names):,}: {reason}: {', '.join(names[:SHOWN])}{more}")
        return lines


def check_skip(skip_bad: bool | float) -> None:
    """Raise ValueError for a `skip_bad` that is neither true, false nor a share."""
    if not 0 <= skip_bad <= 1:
        raise ValueError(f"skip_bad must be true, false or a share of at most 1, got {skip_bad}")


class BadOnes:
    """What to do with an example that cannot be used: refuse the data, or skip and count it.

    Args:
        skip: `skip_bad` of the recipe: false, true for at most half of all, or the largest share.

    Raises:
        ValueError: for a share that is none.
    """

    def __init__(self, *, skip: bool | float) -> None:
        check_skip(skip)
        self.skip, self.most = bool(skip), MOST_SKIPPED if skip is True else float(skip)
        self.skipped: list[Skipped] = []

    @contextmanager
    def checking(self, name: str, *, offered: bool = True) -> Iterator[None]:
        """Around the look at one example; a `BadInput` inside is raised, or kept as a skip.

        The message of the `BadInput` begins with `name` and a colon.

        Args:
            offered: the message names `skip_bad` as a way out; not where it would leave nothing.
        """
        try:
            yield
        except BadInput as error:
            if not self.skip:
                hint = f"; {SKIP_BAD}" if offered and SKIP_BAD not in str(error) else ""
                raise BadInput(f"{error}{hint}") from error
            reason = str(error).removeprefix(f"{name}: ")
            self.skipped.append(Skipped(name, reason.split(";")[0]))

    def refuse_most(self, source: str, used: int) -> None:
        """Refuse data of which too large a share was skipped.

        Args:
            source: of the data, for the message.
            used: how many were not.

        Raises:
            BadInput: then, with the most frequent reason and the share that would do.
        """
        bad, all_ = len(self.skipped), len(self.skipped) + used
        if bad > self.most * all_:
            reason, count = Counter(each.reason for each in self.skipped).most_common(1)[0]
            raise BadInput(
                f"{source}: {bad:,} of {all_:,} cannot be used, more than the share {self.most:g} that "
                f"data.skip_bad may leave out ({count:,}: {reason[:80]}); set it to "
                f"{-(-100 * bad // all_) / 100:g}"
            )


def refuse_unread(
    root: Path,
    files: Sequence[Path],
    others: Sequence[Path],
    known: Sequence[str],
    *,
    bad: BadOnes,
    convert: str,
) -> None:
    """Refuse a folder with too many files of kinds that are not read, unless bad ones are skipped.

    Args:
        files: that are read.
        others: that are not.
        known: how the names of such data end.
        convert: what makes one of them a file that is read.

    Raises:
        BadInput: if more than a tenth are not read.
    """
    unread = Counter(file.suffix.lower() for file in others if not file.name.startswith("."))
    unread = Counter({suffix: unread[suffix] for suffix in known if unread[suffix]})
    count, total = unread.total(), unread.total() + len(files)
    if count > MOST_UNREAD * total and not bad.skip:
        seen = ", ".join(f"{n:,} {suffix}" for suffix, n in unread.most_common(5))
        raise BadInput(
            f"{root}: {count:,} of {total:,} files are of kinds that are not read ({seen}), more than a "
            f"tenth; convert them, for example with {convert}, {SKIP_BAD}"
        )
