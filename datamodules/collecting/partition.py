"""Partition: which examples train, validate and test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datamodules.sequence_data import check_counts
from datamodules.texts.splits import check_split
from elman.errors import BadInput

PART_NAMES = ("train", "val", "test")


@dataclass(frozen=True, kw_only=True)
class Partition:
    """Which examples train, validate and test.

    A part that the data gives (a column, a folder, a file of its own) stays as given; where it gives all but
    one, that one is drawn from training. Then `test` and `val`
    take the examples whose fields they name. What is left is drawn by `seed`: classes in equal shares, and
    with `by` whole groups, so that a speaker, a person or a prompt is never on two sides.

    With `folds`, the examples (or groups) are dealt into that many folds, and fold number `fold` is the test
    part. Together the folds test every example once.

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
        self._draw_shares(part, groups, classes, draw, has_given)
        if self.by is not None:
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
            mine = names[self.fold :: self.folds]
        else:
            mine = np.concatenate(
                [order[self.fold :: self.folds] for order in _by_class(names, classes, draw)]
            )
        part[free & np.isin(groups, mine)] = 2

    def _draw_shares(
        self,
        part: np.ndarray,
        groups: np.ndarray,
        classes: Sequence[int] | None,
        draw: np.random.Generator,
        has_given: Sequence[bool],
    ) -> None:
        """Deal out what no rule has placed: test, validation, and the rest trains."""
        train, val, test = self.shares
        if not (has_given[2] or self.test or self.folds or test == 0):
            part[self._drawn(_free(part), test, groups, classes, draw)] = 2
        if not (has_given[1] or self.val):
            part[self._drawn(_free(part), val / (train + val), groups, classes, draw)] = 1
        part[part < 0] = 0

    def _drawn(
        self,
        free: np.ndarray,
        share: float,
        groups: np.ndarray,
        classes: Sequence[int] | None,
        draw: np.random.Generator,
    ) -> np.ndarray:
        """About `share` of the examples `free`: at least one, and of no class or group all."""
        if not len(free):
            return free
        if self.by is not None:
            names, sizes = np.unique(groups[free], return_counts=True)
            order = draw.permutation(len(names))
            reached = np.cumsum(sizes[order])
            take = min(1 + int(np.searchsorted(reached, share * len(free) - 0.5)), len(names) - 1)
            return free[np.isin(groups[free], names[order[:take]])]
        orders = _by_class(free, classes, draw)
        chosen = [order[: min(round(share * len(order)), len(order) - 1)] for order in orders]
        if sum(map(len, chosen)) == 0 and len(free) > 1:
            return draw.permutation(free)[:1]
        return np.concatenate(chosen)

    def _refuse_shared(self, part: np.ndarray, groups: np.ndarray, source: str) -> None:
        """A group in two parts is refused, unless the recipe itself names what validates or tests."""
        for number, named in ((2, self.test), (1, self.val)):
            both = set(groups[part == 0].tolist()) & set(groups[part == number].tolist())
            if both and not (named and self.by not in named):
                raise BadInput(
                    f"{source}: {len(both)} values of split.by={self.by} are in training and in "
                    f"{PART_NAMES[number]}, as the data itself divides them; leave split.by or the given "
                    "parts out"
                )

    def _refuse_empty(self, parts: Sequence[np.ndarray], groups: int, source: str) -> None:
        for name, numbers in zip(PART_NAMES, parts, strict=True):
            if len(numbers) or (name == "test" and self.shares[2] == 0):
                continue
            raise BadInput(
                f"{source}: its {groups} {'groups' if self.by else 'examples'} leave the {name} part empty "
                f"(split.shares={list(self.shares)}); give more data or other shares"
            )


def _free(part: np.ndarray) -> np.ndarray:
    """What no rule has placed; where all is given, the training part, from which others may be drawn."""
    free = np.flatnonzero(part < 0)
    return free if len(free) else np.flatnonzero(part == 0)


def _column(fields: Mapping[str, Sequence[str]], name: str, argument: str, source: str) -> Sequence[str]:
    if name not in fields:
        there = ", ".join(fields) or "no fields at all"
        raise BadInput(f"{source}: {argument} names the field {name!r}, but its examples have {there}")
    return fields[name]


def _by_class(
    numbers: np.ndarray, classes: Sequence[int] | None, draw: np.random.Generator
) -> list[np.ndarray]:
    """`numbers` in a random order, one list for each class; one list where there are no classes."""
    if classes is None:
        return [draw.permutation(numbers)]
    of = np.asarray(classes)[numbers]
    return [draw.permutation(numbers[of == each]) for each in np.unique(of)]
