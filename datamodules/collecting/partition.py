"""Partition: which examples train, validate and test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datamodules.collecting.rounding import Shares, class_counts, fold_of_groups, nearest_groups
from datamodules.sequence_data import check_counts
from datamodules.texts.splits import check_split
from elman.errors import BadInput

PART_NAMES = ("train", "val", "test")
PART_WORDS = ("training", "validation", "test")


@dataclass(frozen=True, kw_only=True)
class Partition:
    """Which examples train, validate and test.

    A part that the data gives (a column, a folder, a file of its own) stays as given; where it gives all but
    one, that one is drawn from training. Then `test` and `val` take the examples whose fields they name. What
    is left is drawn by `seed`: of every class its share, to within an example in the class and over all, at
    least one example a part; with `by` whole groups, to within the largest, so that a speaker, a person or a
    prompt is never on two sides.

    With `folds`, the examples (or groups) are dealt into that many folds, from class to class, and fold
    number `fold` is the test part. Together the folds test every example once.

    Args:
        shares: of training, validation and test; a part that is given or named takes no further share.
        seed: another seed draws others.
        by: field whose examples stay together, for instance speaker; null: none.
        val: fields and their values that validate, for instance {index: [5, 6]}.
        test: fields and their values that test.
        folds: number of folds; null: no folds.
        fold: the one that tests, from 0.

    Raises:
        ValueError: for a value out of range.
    """

    shares: tuple[float, float, float] = (0.8, 0.1, 0.1)
    seed: int = 0
    by: str | None = None
    val: Mapping[str, Any] | None = None
    test: Mapping[str, Any] | None = None
    folds: int | None = None
    fold: int = 0

    def __post_init__(self) -> None:
        check_split(self.shares)
        check_counts(0, seed=self.seed, fold=self.fold)
        if self.folds is not None:
            check_counts(2, folds=self.folds)
            if self.fold >= self.folds:
                raise ValueError(f"fold counts from 0 and must be below folds={self.folds}, got {self.fold}")
            if self.test:
                raise ValueError("folds and test both name the test part; leave one out")

    def assign(
        self,
        count: int,
        *,
        source: str,
        classes: Sequence[int] | None = None,
        fields: Mapping[str, Sequence[str]] | None = None,
        given: Sequence[str | None] | None = None,
    ) -> list[np.ndarray]:
        """Numbers of the examples of the three parts, each in ascending order.

        Args:
            count: number of examples.
            source: what to call the data in an error.
            classes: (count,) the class of each, to be dealt out evenly.
            fields: what is known of each: name -> (count,) values as text.
            given: (count,) "train", "val", "test" or None.

        Raises:
            BadInput: if a field or value is not there, or a part would stay empty.
        """
        fields = fields or {}
        part = np.full(count, -1)
        for number, name in enumerate(PART_NAMES):
            if given is not None:
                part[[i for i, value in enumerate(given) if value == name]] = number
        has_given = [bool((part == number).any()) for number in range(3)]
        for number, wanted in ((2, self.test), (1, self.val)):
            for chosen in self._named(wanted, fields, count, PART_NAMES[number], source):
                part[(part < 0) & chosen] = number
        groups = self._groups(count, fields, source)
        draw = np.random.default_rng([self.seed, count])
        if self.folds is not None:
            self._deal_fold(part, groups, classes, draw, source)
        shares = self._shares_of_the_rest(has_given)
        if self.by is None:
            _draw_examples(part, shares, classes, draw)
        else:
            part = self._draw_groups(part, shares, groups, along=bool(self.val) and not has_given[1])
            self._refuse_shared(part, groups, source)
        parts = [np.flatnonzero(part == number) for number in range(3)]
        self._refuse_empty(parts, len(set(groups.tolist())), source)
        return parts

    def _named(
        self,
        wanted: Mapping[str, Any] | None,
        fields: Mapping[str, Sequence[str]],
        count: int,
        part: str,
        source: str,
    ) -> list[np.ndarray]:
        found = []
        for name, values in (wanted or {}).items():
            column = _column(fields, name, f"split.{part}", source)
            texts = {str(value) for value in (values if isinstance(values, list | tuple) else [values])}
            if missing := texts - set(column):
                near = ", ".join(sorted(set(column))[:8])
                raise BadInput(
                    f"{source}: no example has {name}={sorted(missing)[0]}, which split.{part} names; "
                    f"there are {near}"
                )
            found.append(np.fromiter((value in texts for value in column), dtype=bool, count=count))
        return found

    def _groups(self, count: int, fields: Mapping[str, Sequence[str]], source: str) -> np.ndarray:
        if self.by is None:
            return np.arange(count)
        column = _column(fields, self.by, "split.by", source)
        numbers = {name: number for number, name in enumerate(sorted(set(column)))}
        return np.array([numbers[name] for name in column])

    def _deal_fold(
        self,
        part: np.ndarray,
        groups: np.ndarray,
        classes: Sequence[int] | None,
        draw: np.random.Generator,
        source: str,
    ) -> None:
        assert self.folds is not None
        free = part != 2
        names = np.unique(groups[free])
        if len(names) < self.folds:
            what = f"{self.by} groups" if self.by else "examples"
            raise BadInput(
                f"{source}: {len(names)} {what} cannot make split.folds={self.folds}; set fewer folds"
            )
        if self.by is not None:  # in the order of their names, so that fold 0 is the first speaker
            sizes = np.unique(groups[free], return_counts=True)[1]
            mine = names[fold_of_groups(sizes, self.folds) == self.fold]
        else:
            mine = np.concatenate(_by_class(names, classes, draw))[self.fold :: self.folds]
        part[free & np.isin(groups, mine)] = 2

    def _shares_of_the_rest(self, has_given: Sequence[bool]) -> Shares:
        """Of training, validation and test in what no rule has placed."""
        train, val, test = self.shares
        if has_given[2] or self.test or self.folds:
            train, val, test = train / (train + val), val / (train + val), 0.0
        return (1 - test, 0.0, test) if has_given[1] or self.val else (train, val, test)

    def _draw_groups(
        self, part: np.ndarray, shares: Shares, groups: np.ndarray, *, along: bool
    ) -> np.ndarray:
        """Deal out whole groups until a share is reached; where that leaves training too little, the nearest.

        Args:
            along: a group that is drawn to test takes along what the recipe names for validation.
        """
        found = part
        for nearest in (False, True):
            draw, found = np.random.default_rng([self.seed, len(part)]), part.copy()
            placed = _free(part)
            largest = int(np.bincount(groups[placed]).max(initial=0))
            for number, share in ((2, shares[2]), (1, shares[1] / (shares[0] + shares[1]))):
                if share:
                    free = _free(found)
                    names, sizes = np.unique(groups[free], return_counts=True)
                    order = draw.permutation(len(names))
                    if nearest:
                        leave = 2 if number == 2 and shares[1] else 1
                        chosen = order[nearest_groups(sizes[order], share * len(free), leave=leave)]
                    else:
                        reached = np.cumsum(sizes[order])
                        take = 1 + int(np.searchsorted(reached, share * len(free) - 0.5))
                        chosen = order[: max(0, min(take, len(names) - 1))]
                    found[free[np.isin(groups[free], names[chosen])]] = number
            if along:
                found[(found == 1) & np.isin(groups, groups[found == 2])] = 2
            found[found < 0] = 0
            sizes = np.bincount(found[placed], minlength=3)
            off = np.abs(sizes - np.array(shares) * len(placed))
            if off.max() <= largest and all(sizes[np.array(shares) > 0]):
                break
        return found

    def _refuse_shared(self, part: np.ndarray, groups: np.ndarray, source: str) -> None:
        """A group in two parts is refused, unless the recipe itself names what validates or tests."""
        inside = [set(groups[part == number].tolist()) for number in range(3)]
        for one, other in ((0, 2), (0, 1), (1, 2)):
            named = self.test if other == 2 else self.val
            both = inside[one] & inside[other]
            if both and not (named and self.by not in named):
                raise BadInput(
                    f"{source}: {len(both)} values of split.by={self.by} are in {PART_WORDS[one]} and in "
                    f"{PART_WORDS[other]}, as the data itself divides them; give every group one part, or "
                    "leave data.split.by (data.group) out"
                )

    def _refuse_empty(self, parts: Sequence[np.ndarray], groups: int, source: str) -> None:
        for name, numbers in zip(PART_NAMES, parts, strict=True):
            if len(numbers) or (name == "test" and self.shares[2] == 0):
                continue
            raise BadInput(
                f"{source}: its {groups} {'groups' if self.by else 'examples'} leave the {name} part empty "
                f"(split.shares={list(self.shares)}); give more data or other shares"
            )


def _draw_examples(
    part: np.ndarray, shares: Shares, classes: Sequence[int] | None, draw: np.random.Generator
) -> None:
    """Deal out what no rule has placed: test, validation, and the rest trains."""
    kept = _free(part)
    of = np.zeros(len(part), dtype=np.int64) if classes is None else np.asarray(classes)
    present, sizes = np.unique(of[kept], return_counts=True)
    counts = dict(zip(present.tolist(), class_counts(sizes, shares, draw).tolist(), strict=True))
    for number in (2, 1):
        free = _free(part)
        if not shares[number] or not len(free):
            continue
        orders = _by_class(free, of, draw)
        chosen = np.concatenate([order[: counts[int(of[order[0]])][number]] for order in orders])
        if not len(chosen) and len(free) > 1:
            chosen = draw.permutation(free)[:1]
        part[chosen] = number
    part[part < 0] = 0


def _free(part: np.ndarray) -> np.ndarray:
    """What no rule has placed; where all is given, the training part, from which others may be drawn."""
    free = np.flatnonzero(part < 0)
    return free if len(free) else np.flatnonzero(part == 0)


def _column(fields: Mapping[str, Sequence[str]], name: str, argument: str, source: str) -> Sequence[str]:
    if name not in fields:
        there = ", ".join(fields) or "no fields at all"
        raise BadInput(
            f"{source}: {argument} names the field {name!r}, but its examples have {there}; name one of "
            f"these, or set data.{argument}=null"
        )
    return fields[name]


def _by_class(
    numbers: np.ndarray, classes: Sequence[int] | np.ndarray | None, draw: np.random.Generator
) -> list[np.ndarray]:
    """`numbers` in a random order, one list for each class; one list where there are no classes."""
    if classes is None:
        return [draw.permutation(numbers)]
    of = np.asarray(classes)[numbers]
    return [draw.permutation(numbers[of == each]) for each in np.unique(of)]
