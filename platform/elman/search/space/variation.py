"""Variations of a base recipe, parsed without a warning where a changed class drops arguments."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from jsonargparse import Namespace

from elman.recipes.arguments import Words
from elman.recipes.recipe import Recipe, parse
from elman.recipes.strict_yaml import dump_yaml


def varied(words: Words | Sequence[str]) -> Recipe:
    """The recipe, without the warnings of arguments that a changed class drops: here that is meant."""
    with _without_warnings():
        return parse("fit", words)


@contextmanager
def _without_warnings() -> Iterator[None]:
    log = logging.getLogger("elman.recipes.parser")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def in_yaml(value: Any) -> str:
    """A value as it is written after `=` on the command line."""
    if isinstance(value, str):
        return value
    return dump_yaml(value).strip() if isinstance(value, Mapping | list) else json.dumps(value)


def value_at(config: Namespace, target: str) -> Any:
    """The value at a place of a recipe, arguments of classes without `init_args`; None if there is none."""
    here: Any = config
    for word in target.split("."):
        if isinstance(here, Namespace) and "init_args" in here and word not in here:
            here = here.init_args
        if not isinstance(here, Namespace | Mapping) or word not in here:
            return None
        here = here[word]
    return here
