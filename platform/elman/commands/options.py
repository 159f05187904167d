"""Options that belong to a command and not to a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from elman.errors import BadInput

LARGEST = 2**63  # what a seed or a count of torch cannot reach


def option(words: Sequence[str], name: str, default: str) -> tuple[str, list[str]]:
    """The value of `name=value` or `name value`, and the other words."""
    rest, value = list(words), default
    for index, word in enumerate(rest):
        if word.startswith(name + "="):
            del rest[index]
            return word[len(name) + 1 :], rest
        if word == name:
            if index + 1 == len(rest) or rest[index + 1].startswith("--"):
                raise BadInput(f"{name} needs a value: {name}=VALUE")
            value = rest[index + 1]
            del rest[index : index + 2]
            return value, rest
    return value, rest


def choice(words: Sequence[str], name: str, choices: Sequence[str]) -> tuple[str, list[str]]:
    """The value of an option that is one of `choices`, the first unless it is given; and the other words."""
    value, rest = option(words, name, choices[0])
    if value not in choices:
        raise BadInput(f"{name} must be {', '.join(choices[:-1])} or {choices[-1]}, got {value!r}")
    return value, rest


def flag(words: Sequence[str], name: str) -> tuple[bool, list[str]]:
    """Whether the word `name` is there, and the other words."""
    rest = [word for word in words if word != name]
    for word in rest:
        if word.startswith(name + "="):
            raise BadInput(f"{name} takes no value; write {name} alone, or leave it out")
    return len(rest) < len(words), rest


def number(
    words: Sequence[str], name: str, default: Any, kind: type, *, least: float
) -> tuple[Any, list[str]]:
    """The value of an option that is a number of at least `least`, and the other words."""
    text, rest = option(words, name, str(default))
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not least <= value < LARGEST:
        raise BadInput(f"{name} must be a number of type {kind.__name__}, at least {least}, got {text!r}")
    return value, rest
