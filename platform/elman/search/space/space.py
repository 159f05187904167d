"""The space of a search: which values of a recipe are tried, in ranges that never depend on one another."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optuna

MOST_POINTS = 10_000  # of a space that counts as finite

Values = dict[str, Any]
"""A trial's values by label; a dimension that does not apply is not there."""


@dataclass(frozen=True, kw_only=True)
class Range:
    """Numbers from `low` to `high`, both included.

    Args:
        integer: only whole numbers.
        log: drawn evenly in the logarithm.
        step: distance of two neighbours; None: 1 for whole numbers, anything for others.

    Raises:
        ValueError: if no number lies in it.
    """

    low: float
    high: float
    integer: bool
    log: bool = False
    step: float | None = None

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ValueError(f"low must be at most high, got low={self.low}, high={self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"a logarithmic range must begin above zero, got low={self.low}")
        if self.log and self.step is not None:
            raise ValueError(f"a logarithmic range has no step, got step={self.step}")
        if self.step is not None and self.step <= 0:
            raise ValueError(f"step must be positive, got step={self.step}")

    @property
    def points(self) -> list[Any] | None:
        """All numbers in it, lowest first; None where they cannot be counted."""
        if self.step is None and not self.integer:
            return None
        step = self.step or 1
        count = int((self.high - self.low) / step + 1e-9) + 1
        return [_number(self.low + i * step, integer=self.integer) for i in range(count)]

    @property
    def ends(self) -> list[Any]:
        """The lowest and the highest number; one where they are the same."""
        return list(dict.fromkeys(_number(end, integer=self.integer) for end in (self.low, self.high)))

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int | float) and self.low <= value <= self.high


@dataclass(frozen=True, kw_only=True)
class Choices:
    """A few values: each by the word that stands for it in tables, and as it goes into a recipe."""

    values: dict[str | int | float | bool, Any]

    @property
    def points(self) -> list[Any]:
        """The words of all of them, in the order of the file."""
        return list(self.values)

    ends = points

    def __contains__(self, value: object) -> bool:
        return value in self.values


@dataclass(frozen=True, kw_only=True)
class Dimension:
    """One value of the recipe that is searched.

    Args:
        target: its place in the recipe, `model.bptt.k2`.
        label: its short name, unique in the space: `k2`, or `k2/k1` for a multiple.
        values: what is tried.
        multiple_of: the target that this one is a multiple of; `values` are then the factors.
    """

    target: str
    label: str
    values: Range | Choices
    multiple_of: str | None = None

    @property
    def derived(self) -> str | None:
        """The label of the product: `k2` where this is `k2/k1`; None where this is no multiple."""
        return self.label.partition("/")[0] if self.multiple_of else None

    def argument_of(self, other: Dimension) -> str | None:
        """The argument of the class that `other` chooses in which this value lies; None: it is no part."""
        if not self.target.startswith(f"{other.target}."):
            return None
        return self.target[len(other.target) + 1 :].partition(".")[0]

    def suggested(self, trial: optuna.trial.BaseTrial) -> Any:
        """A value, chosen by the sampler of a trial."""
        values = self.values
        if isinstance(values, Choices):
            return trial.suggest_categorical(self.label, values.points)
        if values.integer:
            low, high, step = int(values.low), int(values.high), int(values.step or 1)
            return trial.suggest_int(self.label, low, high, step=step, log=values.log)
        return trial.suggest_float(self.label, values.low, values.high, step=values.step, log=values.log)


@dataclass(frozen=True)
class Space:
    """The dimensions of a search, those that name a class before those of its arguments.

    Args:
        dimensions: all of them.
        arguments: what the class that a choice stands for takes, by (label, choice); a dimension below such
            a choice applies only to the classes that take it, so k1 is not drawn for a trial with `Full`.
        fixed: values of the recipe that a dimension is a multiple of and that are not searched, by target.
    """

    dimensions: tuple[Dimension, ...]
    arguments: Mapping[tuple[str, Any], frozenset[str]] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def conditional(self) -> bool:
        """Whether some dimension is missing in some trials."""
        return any(one.argument_of(other) for one in self.dimensions for other in self.dimensions)

    def in_order(self) -> list[Dimension]:
        """Classes before their arguments, multiples last."""
        return sorted(self.dimensions, key=lambda d: (d.multiple_of is not None, d.target.count(".")))

    def applies(self, dimension: Dimension, values: Mapping[str, Any]) -> bool:
        """Whether a trial with these `values` of the dimensions before it has this one."""
        for other in self.dimensions:
            argument = dimension.argument_of(other)
            if argument and (
                other.label not in values or not self.takes(other, values[other.label], argument)
            ):
                return False
        return True

    def takes(self, dimension: Dimension, choice: Any, argument: str) -> bool:
        """Whether the class that a choice stands for has an argument."""
        return argument in self.arguments.get((dimension.label, choice), {argument})

    def draw(self, trial: optuna.trial.BaseTrial) -> Values:
        """The values of one trial, drawn by its sampler."""
        values: Values = {}
        for dimension in self.in_order():
            if self.applies(dimension, values):
                values[dimension.label] = dimension.suggested(trial)
        return values

    def grid(self, limit: int | None = None) -> list[Values]:
        """Every point once, those dimensions left out that do not apply.

        Args:
            limit: points at most, the first ones; None: all, however many.

        Raises:
            ValueError: for a range that has no end of points.
        """
        return list(itertools.islice(self._points(self.in_order(), {}), limit))

    def points(self) -> list[Values] | None:
        """Every point, as `grid` has them; None where they are too many to be tried, or without end."""
        if any(dimension.values.points is None for dimension in self.dimensions):
            return None
        found = self.grid(MOST_POINTS + 1)
        return found if len(found) <= MOST_POINTS else None

    def _points(self, left: Sequence[Dimension], values: Values) -> Iterator[Values]:
        if not left:
            yield dict(values)
            return
        dimension, *rest = left
        if not self.applies(dimension, values):
            yield from self._points(rest, values)
            return
        points = dimension.values.points
        if points is None:
            raise ValueError(
                f"{dimension.target} ranges over endless many numbers; a grid needs choices or a step"
            )
        for point in points:
            yield from self._points(rest, {**values, dimension.label: point})

    def corners(self) -> list[Values]:
        """Points that between them have both ends of every range, and every choice."""
        found = []
        for dimension in self.in_order():
            for end in dimension.values.ends:
                values: Values = {}
                for other in self.in_order():
                    if self.applies(other, values):
                        values[other.label] = end if other is dimension else self._end_for(dimension, other)
                if dimension.label in values:
                    found.append(values)
        return found

    def _end_for(self, dimension: Dimension, other: Dimension) -> Any:
        """A value of `other` with which `dimension` applies, else its first."""
        ends, argument = other.values.ends, dimension.argument_of(other)
        return next((end for end in ends if argument is None or self.takes(other, end, argument)), ends[0])

    def targets(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """What goes where in the recipe: values by target, multiples multiplied out."""
        found: dict[str, Any] = {}
        for dimension in self.in_order():
            if dimension.label not in values:
                continue
            value = values[dimension.label]
            if isinstance(dimension.values, Choices):
                value = dimension.values.values[value]
            if dimension.multiple_of:
                base = found.get(dimension.multiple_of, self.fixed.get(dimension.multiple_of))
                assert base is not None, "a multiple is of something that is searched or fixed"
                whole = isinstance(base, int) and not isinstance(base, bool)
                value = _number(base * value, integer=whole)
            found[dimension.target] = value
        return found

    def with_products(self, values: Mapping[str, Any]) -> Values:
        """Values by label with the products, for tables and charts: k1, k2/k1 and k2."""
        targets = self.targets(values)
        products = {
            d.derived: targets[d.target] for d in self.dimensions if d.derived and d.target in targets
        }
        return {**values, **products}  # type: ignore[dict-item]


def labels(targets: Mapping[str, str | None]) -> dict[str, str]:
    """Short unique names: the last word of each target, more words where two would be the same.

    Args:
        targets: what each is a multiple of; `k2` as a multiple of `k1` is called `k2/k1`.
    """
    found: dict[str, str] = {}
    for target, base in targets.items():
        words = target.split(".")
        size = next(
            n
            for n in range(1, len(words) + 1)
            if n == len(words) or not any(o != target and o.split(".")[-n:] == words[-n:] for o in targets)
        )
        name = ".".join(words[-size:])
        found[target] = f"{name}/{base.rpartition('.')[2]}" if base else name
    return found


def _number(value: float, *, integer: bool) -> Any:
    return round(value) if integer else float(value)
