"""The block `space` of a search's file, read and tried on the base recipe."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from jsonargparse import Namespace

from elman.errors import BadInput
from elman.recipes.recipe import Recipe
from elman.search.space.settings import Settings
from elman.search.space.space import Choices, Dimension, Range, Space, labels
from elman.search.space.variation import in_yaml, value_at, varied

RANGE_KEYS = {"low", "high", "log", "step", "times"}


def read_space(settings: Settings, base: Recipe, base_words: list[str]) -> Space:
    given = {target: _values(target, value) for target, value in settings.space.items()}
    bases = {
        target: value.get("times") if isinstance(value, Mapping) else None
        for target, value in settings.space.items()
    }
    names = labels(bases)
    dimensions = tuple(
        Dimension(target=target, label=names[target], values=values, multiple_of=bases[target])
        for target, values in given.items()
    )
    fixed = {
        of: _value_at(base, of, f"space.{target}.times")
        for target, of in bases.items()
        if of is not None and of not in given
    }
    space = Space(dimensions, _arguments(dimensions, base_words), fixed)
    for dimension in dimensions:
        _refuse_impossible(dimension, space, settings, base)
    return space


def _values(target: str, given: Any) -> Range | Choices:
    """The values of a dimension, as the file gives them."""
    where = f"space.{target}"
    if isinstance(given, list):
        if len(given) < 2:
            raise BadInput(
                f"{where}: {given} leaves nothing to choose; name two values or more, or use 'fixed'"
            )
        words = [_word(value) for value in given]
        if any(a == b for i, a in enumerate(words) for b in words[:i]):  # 1 and true are the same to a table
            raise BadInput(f"{where}: a choice is named twice in {words}; keep one")
        return Choices(values=dict(zip(words, given, strict=True)))
    if not isinstance(given, Mapping):
        raise BadInput(f"{where}: expected a list of choices or a range {{low: 1, high: 9}}, got {given!r}")
    unknown = sorted(set(given) - RANGE_KEYS)
    if unknown:
        raise BadInput(f"{where}: a range has no key {unknown[0]!r}; known: {', '.join(sorted(RANGE_KEYS))}")
    missing = [key for key in ("low", "high") if key not in given]
    if missing:
        raise BadInput(f"{where}: a range needs low and high, but {missing[0]!r} is missing")
    numbers = [given[key] for key in ("low", "high", "step") if given.get(key) is not None]
    if not all(isinstance(n, int | float) and not isinstance(n, bool) and isfinite(n) for n in numbers):
        raise BadInput(f"{where}: low, high and step are finite numbers, got {dict(given)}")
    if not isinstance(given.get("log", False), bool):
        raise BadInput(f"{where}: log is true or false, got {given['log']!r}")
    try:
        return Range(
            low=given["low"],
            high=given["high"],
            integer=all(isinstance(n, int) for n in numbers),
            log=given.get("log", False),
            step=given.get("step"),
        )
    except ValueError as error:
        raise BadInput(f"{where}: {error}") from error


def _word(value: Any) -> Any:
    """What stands for a choice in tables: itself, or for a class its name with its arguments."""
    if isinstance(value, Mapping) and "class_path" in value:
        arguments = ", ".join(f"{k}={v}" for k, v in (value.get("init_args") or {}).items())
        name = str(value["class_path"]).rpartition(".")[2]
        return f"{name}({arguments})" if arguments else name
    if isinstance(value, str):
        return value.rpartition(".")[2] if value.replace(".", "").isidentifier() else value
    if value is None or isinstance(value, Mapping | list):
        return in_yaml(value)
    return value


def _arguments(
    dimensions: Sequence[Dimension], base_words: list[str]
) -> dict[tuple[str, Any], frozenset[str]]:
    """What the class takes that each choice stands for, where a dimension below asks."""
    found: dict[tuple[str, Any], frozenset[str]] = {}
    for dimension in dimensions:
        if not any(other.argument_of(dimension) for other in dimensions):
            continue
        if not isinstance(dimension.values, Choices):
            raise BadInput(f"space.{dimension.target}: has parts that are searched, so it must name classes")
        for word, value in dimension.values.values.items():
            where = f"space.{dimension.target}"
            try:
                recipe = varied([*base_words, f"--{dimension.target}={in_yaml(value)}"])
            except BadInput as error:
                raise BadInput(f"{where}: {error}") from error
            chosen = value_at(recipe.config, dimension.target)
            path = chosen.get("class_path") if isinstance(chosen, Namespace) else None
            if path is None:
                raise BadInput(f"{where}: {word!r} is no class, but parts of it are searched")
            module, _, name = path.rpartition(".")
            parameters = inspect.signature(getattr(importlib.import_module(module), name)).parameters
            found[dimension.label, word] = frozenset(parameters)
    return found


def _refuse_impossible(dimension: Dimension, space: Space, settings: Settings, base: Recipe) -> None:
    """Refuse what is wrong with a dimension without building a recipe."""
    where = f"space.{dimension.target}"
    for other in space.dimensions:
        argument = dimension.argument_of(other)
        if argument and not any(space.takes(other, choice, argument) for choice in other.values.ends):
            raise BadInput(f"{where}: none of the classes of space.{other.target} takes {argument!r}")
    if settings.sampler == "grid" and isinstance(dimension.values, Range) and dimension.values.points is None:
        raise BadInput(
            f"{where}: sampler=grid needs choices, whole numbers or a step, but a range of all numbers from "
            f"{dimension.values.low} to {dimension.values.high} has no end of them"
        )
    if dimension.multiple_of and isinstance(dimension.values, Choices):
        raise BadInput(f"{where}: a multiple is a range {{times: ..., low: 1, high: 4}}")
    _refuse_odd_base(dimension, space)
    _refuse_short_k2(dimension, space, base)


def _refuse_odd_base(dimension: Dimension, space: Space) -> None:
    """What a multiple is of must be a number in every trial that has the multiple."""
    where, of = f"space.{dimension.target}", dimension.multiple_of
    base = next((d for d in space.dimensions if d.target == of), None)
    if base is None:
        return
    numbers = isinstance(base.values, Range) or all(
        isinstance(v, int | float) and not isinstance(v, bool) for v in base.values.values.values()
    )
    if not numbers or base.multiple_of:
        raise BadInput(f"{where}: {of} is no range or choice of numbers, so nothing is a multiple of it")
    for corner in space.corners():
        if dimension.label in corner and base.label not in corner:
            raise BadInput(f"{where}: there are trials without {of}, and so nothing to be a multiple of")


def _refuse_short_k2(dimension: Dimension, space: Space, base: Recipe) -> None:
    """k2 is at least k1 in every trial."""
    place, _, name = dimension.target.rpartition(".")
    if name not in ("k1", "k2"):
        return
    where, k1, k2 = f"space.{dimension.target}", f"{place}.k1", f"{place}.k2"
    if dimension.multiple_of == k1 and name == "k2":
        assert isinstance(dimension.values, Range)
        if dimension.values.low < 1:
            raise BadInput(
                f"{where}: k2 is at least k1, so its multiple begins at 1 or more, "
                f"got low={dimension.values.low}"
            )
        return
    least_k2 = min(_numbers(k2, space, base), default=None)
    most_k1 = max(_numbers(k1, space, base), default=None)
    if least_k2 is not None and most_k1 is not None and least_k2 < most_k1:
        raise BadInput(
            f"{where}: trials could have k2={least_k2:g} below k1={most_k1:g}; make k2 a multiple: "
            f"{k2}: {{times: {k1}, low: 1, high: 4}}"
        )


def _numbers(target: str, space: Space, base: Recipe) -> list[float]:
    """The ends of a target's range, its choices, or its value in the base recipe; [] if it is a multiple."""
    for dimension in space.dimensions:
        if dimension.target == target:
            if dimension.multiple_of:
                return []
            if isinstance(dimension.values, Range):
                return [dimension.values.low, dimension.values.high]
            return [v for v in dimension.values.values.values() if isinstance(v, int | float)]
    value = value_at(base.config, target)
    return [value] if isinstance(value, int | float) else []


def _value_at(base: Recipe, target: str, where: str) -> Any:
    value = value_at(base.config, target)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise BadInput(f"{where}: {target} is no number of the base recipe, so nothing is a multiple of it")
    return value
