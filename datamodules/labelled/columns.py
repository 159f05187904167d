"""Labelled columns: which is the text, which the label, and whether a first row names them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from datamodules.sequence_data import check_counts
from elman.errors import BadInput

TEXT_NAMES = ("text", "sentence", "review", "content")
LABEL_NAMES = ("label", "class", "target", "sentiment", "category")
ROLES = ("text", "label", "group", "part")
SAMPLE_ROWS = 100
"""Rows that decide which column is which."""

Column = int | str | None


class Picked(NamedTuple):
    """Numbers of the columns, counted from 0.

    Args:
        first_is_header: the first row names the columns and is no example.
        names: of all columns, or what stands in the first row.
    """

    text: int
    label: int
    group: int | None
    part: int | None
    first_is_header: bool
    names: Sequence[str]

    def __str__(self) -> str:
        roles = [
            f"{role} is column {place} ({self.names[place][:30]!r})"
            for role, place in zip(ROLES, self[:4], strict=True)
            if place is not None
        ]
        first = "the first row names them" if self.first_is_header else "every row is an example"
        return f"{', '.join(roles)}; {first}"


@dataclass(frozen=True, kw_only=True)
class Columns:
    """What the recipe gives of a table's columns: names, or numbers counted from 0; None: find it.

    Text and label are found by their usual names, or where only two columns are left: the label is then the
    one with the shorter values. A first row is a header if the recipe or a usual name makes it one, or if the
    value in its label's column is the label of none of the next 100 rows, which share labels.

    Raises:
        ValueError: for a number below 0.
    """

    text: Column = None
    label: Column = None
    group: Column = None
    part: Column = None
    header: bool | None = None

    def __post_init__(self) -> None:
        for name in ROLES:
            if isinstance(getattr(self, name), int):
                check_counts(0, **{name: getattr(self, name)})

    def given(self) -> list[str]:
        """Which of text, label, group and part the recipe gives."""
        return [name for name in ROLES if getattr(self, name) is not None]

    def pick(self, file: Any, names: Sequence[str] | None, sample: Sequence[Sequence[Any]]) -> Picked:
        """The columns of one table.

        Args:
            file: for messages.
            names: of the columns, where the format has them; None: the first row of `sample` may be a header.
            sample: the first rows.

        Raises:
            BadInput: if a column is not there, or it is not clear which is which.
        """
        given = [getattr(self, name) for name in ROLES]
        named = any(isinstance(column, str) for column in given)
        if named and self.header is False:
            raise BadInput(f"{file}: data.header=false, but columns are named; give their numbers, from 0")
        if names is not None:
            return self._chosen(file, names, names, sample, first_is_header=False)
        first = [str(cell) for cell in sample[0]]
        usual = {cell.strip().lower() for cell in first} & {*TEXT_NAMES, *LABEL_NAMES}
        header = self.header if self.header is not None else bool(named or usual)
        heads = [cell.strip() for cell in first]
        shown = heads if header else [cell[:30] for cell in heads]
        picked = self._chosen(file, heads if header else None, shown, sample[header:], first_is_header=header)
        if self.header is None and not header:
            others = [row[picked.label] for row in sample[1:]]
            if 0 < len(set(others)) < len(others) and sample[0][picked.label] not in others:
                return picked._replace(first_is_header=True)
        return picked

    def _chosen(
        self,
        file: Any,
        names: Sequence[str] | None,
        shown: Sequence[str],
        sample: Sequence[Sequence[Any]],
        *,
        first_is_header: bool,
    ) -> Picked:
        place = {
            name: self._place(file, name, names, shown) for name in ROLES if getattr(self, name) is not None
        }
        for name, usual in (("text", TEXT_NAMES), ("label", LABEL_NAMES)):
            found = [i for i, each in enumerate(names or ()) if each.strip().lower() in usual]
            free = [i for i in found if i not in place.values()]
            if name not in place and len(free) == 1:
                place[name] = free[0]
        left = [i for i in range(len(shown)) if i not in place.values()]
        missing = [name for name in ("text", "label") if name not in place]
        if len(missing) == len(left) == 1:
            place[missing[0]] = left[0]
        elif len(missing) == len(left) == 2:
            size = [sum(len(str(row[i])) for row in sample) for i in left]
            if size[0] != size[1]:
                place["label"], place["text"] = left if size[0] < size[1] else left[::-1]
        if not {"text", "label"} <= place.keys():
            raise BadInput(
                f"{file}: cannot tell which column is the text and which the label; its columns are "
                f"{_listed(shown)}; set data.text and data.label to a name or a number from 0"
                + (", or data.delimiter to what stands between columns" if len(shown) == 1 else "")
            )
        if place["text"] == place["label"]:
            raise BadInput(f"{file}: data.text and data.label are the same column, {place['text']}; set two")
        roles = (place["text"], place["label"], place.get("group"), place.get("part"))
        return Picked(*roles, first_is_header=first_is_header, names=shown)

    def _place(self, file: Any, argument: str, names: Sequence[str] | None, shown: Sequence[str]) -> int:
        wanted = getattr(self, argument)
        if isinstance(wanted, int) and wanted < len(shown):
            return wanted
        if isinstance(wanted, str) and names is not None and list(names).count(wanted) == 1:
            return list(names).index(wanted)
        twice = isinstance(wanted, str) and names is not None and wanted in names
        raise BadInput(
            f"{file}: data.{argument}={wanted!r} names {'several columns' if twice else 'no column'}; "
            f"its columns are {_listed(shown)}"
        )


def _listed(columns: Sequence[str]) -> str:
    shown = ", ".join(f"{number} {name!r}" for number, name in enumerate(columns[:12]))
    return shown + (f" and {len(columns) - 12} more" if len(columns) > 12 else "")
