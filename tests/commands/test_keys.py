"""The help of `elman fit`: read from source, the same as the schema that recipes are held against."""

import inspect
import typing

import datamodules
import elman.bptt
import elman.cores
import elman.inputs
import elman.tasks
from elman.commands._keys import WORDS, key_lines, keys
from elman.recipes.blocks import BLOCKS, DEFAULTS
from elman.recipes.classes import find_class, names
from elman.recipes.recipe import make_parser
from elman.recipes.values import class_kinds

KEYS = {key.name: key for key in keys()}


def schema():
    """Every key of the real schema with its type."""
    for name, kind in make_parser("fit").schema.items():
        if isinstance(kind, dict):
            yield from ((f"{name}.{key}", parameter.hint) for key, parameter in kind.items())
        else:
            yield name, kind


def test_the_same_keys():
    assert list(KEYS) != []
    assert set(KEYS) == {name for name, _ in schema() if name != "config"}


def test_the_same_defaults():
    for block, (path, _, skip) in BLOCKS.items():
        for name, parameter in inspect.signature(find_class(path, object)).parameters.items():
            if name not in skip and f"{block}.{name}" not in DEFAULTS and not callable(parameter.default):
                default = str(parameter.default)
                assert KEYS[f"{block}.{name}"].default == WORDS.get(default, default)


def test_the_same_classes_and_choices():
    for name in datamodules.__all__:
        getattr(datamodules, name)
    for name, hint in schema():
        key = KEYS[name]
        for kind, _ in class_kinds(hint):
            assert kind.__name__ in key.type
            if key.known:
                assert set(key.known) <= set(names(kind))
                homes = (elman.cores, elman.bptt, elman.inputs, elman.tasks, datamodules)
                public = {n for n in names(kind) if any(n in home.__all__ for home in homes)}
                assert public == set(key.known)
        for literal in typing.get_args(hint) or ():
            assert not isinstance(literal, str) or literal in key.type


def test_every_key_has_its_line():
    printed = "\n".join(key_lines())
    assert all(f"  --{name}" in printed for name in KEYS)
    assert all(key.text for key in KEYS.values())
