"""Types that constructors declare, as a recipe sees them."""

from __future__ import annotations

import collections.abc
import dataclasses
import types
import typing
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

LISTS = (list, tuple, set, frozenset, collections.abc.Sequence, collections.abc.Iterable)
WORDS = {bool: "true or false", type(None): "null", dict: "a mapping", list: "a list"}


def class_kinds(hint: Any) -> list[tuple[type, int]]:
    """(class, number of arguments that are given by position) of a type that takes a class by its name."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return [kind for part in arguments for kind in class_kinds(part)]
    if origin is collections.abc.Callable:
        given, made = arguments or ((), Any)  # bare, it may be any function
        return [(kind, len(given) if isinstance(given, list) else 0) for kind, _ in class_kinds(made)]
    plain = hint in (*WORDS, *LISTS, int, float, str, collections.abc.Mapping, object, Any, Tensor)
    if not isinstance(hint, type) or plain or dataclasses.is_dataclass(hint) or issubclass(hint, Path):
        return []
    return [(hint, 0)]


def type_words(hint: Any) -> list[str]:
    """What a type is called in an error."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return [word for part in arguments for word in type_words(part)]
    if hint is Tensor:
        return []  # which no recipe can write
    if origin is Literal:
        return [f"one of {', '.join(map(repr, arguments))}"]
    if (origin or hint) in LISTS:
        return ["a list"]
    if (origin or hint) is collections.abc.Mapping or dataclasses.is_dataclass(hint):
        return ["a mapping"]
    return [WORDS.get(origin or hint, getattr(hint, "__name__", str(hint)))]
