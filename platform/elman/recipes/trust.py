"""What a recipe may name that was read from a checkpoint or a store, and was not typed by a user.

Importing a module runs it, and calling a class runs its constructor. So such a recipe names classes of the
kind that a key declares, in packages that do nothing harmful when they are imported, or that a user trusts.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from elman.errors import BadInput
from elman.recipes.classes import PUBLIC, find_class
from elman.trust import HARMLESS, OWN

PLACES = {"trainer": ("checkpoints",), "data": ("cache", "download")}
"""Keys of a block, or of its class, that say where a run writes and what it fetches."""


class Stored(NamedTuple):
    """A recipe that no user has typed.

    Args:
        name: what errors call it.
        text: YAML.
        command: that read it, for the way out.
        trusted: packages beside `HARMLESS` whose classes it may name.
        places: whether it may say where to write and what to fetch, as where it is only compared.
        reads_data: whether its data is read; otherwise nobody needs to know that its cache is left out.
    """

    name: str
    text: str
    command: str
    trusted: frozenset[str] = frozenset()
    places: bool = False
    reads_data: bool = True


class Trust(NamedTuple):
    """What may be imported for a stored recipe; the rest is refused by a line that names `command`."""

    packages: frozenset[str]
    command: str

    def find_class(self, name: str, base: type) -> type:
        """As `classes.find_class`, but a module that is not trusted is not imported.

        Raises:
            BadInput: if it is not trusted, or is no class of that kind.
        """
        module, _, attribute = name.rpartition(".")
        root = module.partition(".")[0]
        if not module or root in self.packages or _is_room(module):
            return find_class(name, base)
        if root == "torch":
            found = vars(sys.modules[module]).get(attribute) if module in sys.modules else None
            if isinstance(found, type) and issubclass(found, base):
                return found
            raise BadInput(f"{name!r} is no {base.__name__}")
        if root in {*HARMLESS, *sys.stdlib_module_names}:
            raise BadInput(f"{name!r} is no {base.__name__}")
        raise BadInput(
            f"{name!r} is code of the package {root!r}, and what is stored may not load it; "
            f"if you trust it: {self.command} --trust={root}"
        )


def _is_room(module: str) -> bool:
    """Whether it is a module of ours that holds classes for recipes."""
    rooms = [package for package in PUBLIC if package.partition(".")[0] in OWN]
    plain = all(part.isidentifier() and not part.startswith("_") for part in module.split("."))
    return plain and any(module == room or module.startswith(f"{room}.") for room in rooms)


def named_packages(values: Any) -> Iterator[str]:
    """Packages of the classes that a recipe names by their import paths."""
    if isinstance(values, Mapping):
        path = values.get("class_path")
        if isinstance(path, str) and "." in path:
            yield path.partition(".")[0]
        for value in values.values():
            yield from named_packages(value)
    elif isinstance(values, list):
        for value in values:
            yield from named_packages(value)


def without_places(recipe: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A stored recipe without what says where to write and what to fetch; and that, by dotted key."""
    kept, left_out = dict(recipe), dict[str, Any]()
    for block, names in PLACES.items():
        values = kept.get(block)
        if not isinstance(values, Mapping):
            continue
        inner = values.get("init_args") if block == "data" else values
        if not isinstance(inner, Mapping):
            continue
        left_out |= {f"{block}.{name}": inner[name] for name in names if inner.get(name)}
        rest = {name: value for name, value in inner.items() if name not in names}
        kept[block] = {**values, "init_args": rest} if block == "data" else rest
    return kept, left_out
