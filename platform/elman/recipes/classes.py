"""Classes that a recipe names: by import path, or by the name under which a package makes them public."""

from __future__ import annotations

import difflib
import importlib
import inspect
import sys
import traceback
import typing
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from elman.errors import BadInput

PUBLIC = (
    *("elman.cores", "elman.bptt", "elman.inputs", "elman.tasks", "elman.diagnostics", "datamodules"),
    *("torch.optim", "pytorch_lightning.callbacks"),
)
"""Packages whose public classes go by their names alone."""

SHOWN = 12
"""Names listed in one error; the closest come first."""
LONGEST = 60
"""Characters shown of what was given for a class."""


class Parameter(NamedTuple):
    """An argument of a constructor.

    Args:
        hint: its type, `Any` where that is not known.
        required: it has no default.
        spec: the default as a recipe would name it, where that is a class.
    """

    hint: Any
    required: bool
    spec: dict[str, Any] | None = None


def parameters(made: Callable[..., Any], *, skip: int = 0) -> dict[str, Parameter] | None:
    """Arguments that a class or a function takes by keyword, after the first `skip`; None: it takes any."""
    try:
        found = list(inspect.signature(made).parameters.values())[skip:]
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_KEYWORD for p in found):
        return None
    try:
        hints = typing.get_type_hints(made.__init__ if isinstance(made, type) else made)  # type: ignore[misc]
    except (TypeError, NameError, AttributeError):
        hints = {}
    named = [p for p in found if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return {p.name: Parameter(hints.get(p.name, Any), p.default is p.empty, _spec(p.default)) for p in named}


def _spec(default: Any) -> dict[str, Any] | None:
    is_class = isinstance(default, type) and default is not inspect.Parameter.empty
    return {"class_path": import_path(default)} if is_class else None


def find_class(name: str, base: type) -> type:
    """The class of kind `base` that `name` means.

    Raises:
        BadInput: if there is none, or more than one; the line begins with what is wrong, not where.
    """
    dotted = "." in name and all(part.isidentifier() for part in name.split("."))
    if dotted and not Path(name).is_file():
        found = _imported(name)
        if not (isinstance(found, type) and issubclass(found, base)):
            raise BadInput(f"{name} is no {base.__name__}{choices('', names(base))}")
    else:
        there = {_place(cls): cls for cls in _public(name, base) or _subclasses(base, name)}
        if not there:
            shown = name if len(name) <= LONGEST else f"{name[:LONGEST]}..."
            raise BadInput(
                f"there is no class {shown!r}{choices(shown, names(base))}; or write an import path"
            )
        if len(there) > 1:
            raise BadInput(
                f"the name {name!r} is ambiguous; write the import path, one of {', '.join(sorted(there))}"
            )
        (found,) = there.values()
    if inspect.isabstract(found):
        lacking = ", ".join(sorted(found.__abstractmethods__))
        raise BadInput(f"{found.__name__} is abstract: {lacking} must be written{choices('', names(base))}")
    return found


def import_path(cls: type) -> str:
    """Where a recipe finds a class: the shortest package that holds it, but not the top of the house."""
    parts = cls.__module__.split(".")
    for depth in range(min(2, len(parts)), len(parts)):
        package = ".".join(parts[:depth])
        if vars(sys.modules.get(package, sys)).get(cls.__name__) is cls:
            return f"{package}.{cls.__name__}"
    return _place(cls)


def names(base: type) -> list[str]:
    """Short names of the classes of kind `base` that are public, or imported already."""
    for package in PUBLIC:
        if package in sys.modules:
            for name in getattr(sys.modules[package], "__all__", ()):
                getattr(sys.modules[package], name)  # those that are imported when asked for
    return [cls.__name__ for cls in _subclasses(base)]


def choices(name: str, known: Iterable[str]) -> str:
    """'; did you mean ...' for the closest of `known`, and the rest of them."""
    listed = sorted(set(known))
    by_lower = {each.lower(): each for each in reversed(listed)}
    near = [by_lower[found] for found in difflib.get_close_matches(name.lower(), by_lower, n=1)]
    shown = listed if len(listed) <= SHOWN else [*listed[:SHOWN], "..."]
    guess = f"; did you mean {near[0]!r}?" if near else ""
    return f"{guess}{';' if not near else ''} known: {', '.join(shown)}" if listed else guess


def _imported(path: str) -> Any:
    """What a dotted path names; what its module raises while it is imported, even an exit, as one line."""
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except KeyboardInterrupt:
        raise
    except (ModuleNotFoundError, AttributeError) as error:
        raise BadInput(
            f"cannot import {path!r} ({error}); check the import path, "
            f"which is looked for in {Path.cwd()} and among installed packages"
        ) from error
    except BaseException as error:
        if isinstance(error, SyntaxError):
            place = f"{error.filename}:{error.lineno}"
        else:
            last = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{last.filename}:{last.lineno}"
        what = f"{type(error).__name__}: {error}".strip(": ")
        raise BadInput(f"cannot import {path!r}: {place} raises {what}; mend the module") from error


def _public(name: str, base: type) -> list[type]:
    """Classes of kind `base` that a package makes public by this name; only those of its own name load."""
    found = []
    for package in PUBLIC:
        if package not in sys.modules and package.partition(".")[0] != base.__module__.partition(".")[0]:
            continue
        module = importlib.import_module(package)
        if name in getattr(module, "__all__", ()):
            cls = getattr(module, name)
            if isinstance(cls, type) and issubclass(cls, base):
                found.append(cls)
    return found


def _subclasses(base: type, name: str | None = None) -> list[type]:
    """Imported concrete classes of kind `base`, itself too; those of a name where one is given."""
    found: list[type] = []
    waiting = [base]
    while waiting:
        cls = waiting.pop()
        waiting += cls.__subclasses__()
        local = "<locals>" in cls.__qualname__ or cls.__name__.startswith("_")
        wanted = not inspect.isabstract(cls) if name is None else cls.__name__ == name
        if wanted and not local and not (cls.__module__.startswith("pytorch_lightning.") and name is None):
            found.append(cls)
    return found


def _place(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def short(class_path: str) -> str:
    return class_path.rpartition(".")[2]
