"""Values of a recipe laid over one another and held against the types that constructors declare.

Recipes and options come in order; what each gives is checked where it is given, so that an error names the
place. jsonargparse then gets one mapping without a mistake that this could see.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import logging
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, NoReturn

import yaml
from torch import Tensor

from elman.errors import BadInput
from elman.recipes import classes
from elman.recipes.arguments import is_recipe
from elman.recipes.classes import Parameter, choices, find_class, import_path, names, parameters, short
from elman.recipes.hints import LISTS, class_kinds, type_words
from elman.recipes.strict_yaml import load_fragment, read_recipe
from elman.recipes.trust import Trust
from elman.stored import new_class, new_key

log = logging.getLogger("elman.recipes.parser")

SPEC = {"class_path", "init_args", "dict_kwargs"}
YES, NO = ("true", "yes"), ("false", "no")
LARGEST = 2**63  # of whole numbers that torch takes


class Text(str):
    """The text of an option: a value where the type is text, else read as YAML."""


class Dotted(dict):
    """What stands below a dotted option, so that it is laid over what is there already."""


class MisfitError(Exception):
    """A value is not of the type; the caller knows all types that were possible."""


class Place(NamedTuple):
    """Where a value stands.

    Args:
        keys: from the top of the recipe, without `init_args`.
        file: the recipe; empty for an option.
        locate: the file and the line of keys, in words that begin an error.
        refused: keys, dotted from the top, that are answered with a line of their own.
        trust: what may be imported for a recipe that was stored; None: a user has typed it.
    """

    keys: tuple[str, ...] = ()
    file: str = ""
    locate: Callable[[Sequence[str]], str] = lambda keys: ""
    refused: Mapping[str, str] = types.MappingProxyType({})
    trust: Trust | None = None

    @property
    def dotted(self) -> str:
        return ".".join(self.keys)

    def below(self, key: str) -> Place:
        return self._replace(keys=(*self.keys, key))

    def refuse(self, text: str) -> NoReturn:
        parts = (self.locate(self.keys), self.dotted, " ".join(text.split()))
        raise BadInput(": ".join(part for part in parts if part))

    def refuse_key(self, owner: str, key: str, text: str) -> NoReturn:
        """Refuse a key that `owner`, a block or a class, does not know: with its new name if it had one."""
        here = self.below(key)
        if here.dotted in self.refused:
            raise BadInput(": ".join(filter(None, [self.file, self.refused[here.dotted]])))
        if new := new_key(owner, key):
            here.refuse(f"the key {key!r} is called {new!r} now; write {self.below(new).dotted}")
        here.refuse(text)


def lay(above: Any, below: Any, hint: Any, place: Place) -> Any:
    """`above` laid over `below`, once it fits `hint`.

    Raises:
        BadInput: if it does not fit.
    """
    try:
        return _fit(above, below, hint, place)
    except MisfitError:
        given = loaded(above) if isinstance(above, Text) else above
        if str(given).lower().lstrip("+-.") in ("nan", "inf", "infinity") and "float" in type_words(hint):
            place.refuse(f"must be a finite number, got {given}")
        place.refuse(f"expected {' or '.join(type_words(hint))}, got {_shown(given)}")


def lay_arguments(
    given: Mapping[str, Any],
    below: Mapping[str, Any],
    known: Mapping[str, Parameter] | None,
    place: Place,
    *,
    owner: str,
) -> dict[str, Any]:
    """Arguments laid over others, each against its own type; `owner` is the block or class they are of."""
    found = dict(below)
    for key, value in given.items():
        name = key.removesuffix("+")
        if known is None:
            found[name] = _plain_of(Any, value, place.below(name))
        elif name not in known:
            lacking = f"{owner} takes no" if owner[:1].isupper() else "there is no"
            place.refuse_key(owner, key, f"{lacking} key {key!r}{choices(key, known)}")
        elif name == key:
            found[key] = lay(value, found.get(key, known[key].spec), known[key].hint, place.below(key))
        else:  # `--key+=VALUE` adds to a list
            read = loaded(value) if isinstance(value, Text) else value
            added = read if isinstance(read, list) else [value]
            found[name] = lay([*(found.get(name) or ()), *added], None, known[name].hint, place.below(name))
    return found


def refuse_missing(value: Any, hint: Any, place: Place) -> None:
    """Refuse a class that lacks an argument it has no default for."""
    for kind, given in class_kinds(hint):
        if not (isinstance(value, Mapping) and "class_path" in value):
            continue
        known = parameters(find_class(value["class_path"], kind), skip=given) or {}
        arguments = value.get("init_args") or {}
        missing = [name for name, p in known.items() if p.required and name not in arguments]
        if missing:
            place.refuse(f"{short(value['class_path'])} needs a value for {' and '.join(missing)}; give it")
        for name, argument in arguments.items():
            if name in known:
                refuse_missing(argument, known[name].hint, place.below(name))


def _fit(value: Any, below: Any, hint: Any, place: Place) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _fit(value, below, arguments[0], place)
    if origin in (typing.Union, types.UnionType):
        return _fit_one_of(value, below, arguments, place)
    if origin is Literal:
        meant = [one for one in arguments if _is_literal(one, value)]
        return meant[0] if meant else _misfit()
    if hint in (None, type(None)):
        return None if (loaded(value) if isinstance(value, Text) else value) is None else _misfit()
    if hint is str:
        return str(value) if isinstance(value, str) else _misfit()
    kinds = class_kinds(hint)
    if kinds:
        kind, given = kinds[0]
        return _class_spec(value, below, kind, place, given=given, factory=origin is not None)
    value = loaded(value, files=True) if isinstance(value, Text) else value
    if hint is Tensor:
        raise MisfitError  # which no recipe can write
    if hint is bool:
        return _flag(value)
    if hint in (int, float):
        number = isinstance(value, int) if hint is int else isinstance(value, int | float)
        if not number or isinstance(value, bool):
            raise MisfitError
        if abs(value) >= LARGEST and isinstance(value, int):
            place.refuse(f"{value:.3g} is more than any count or size can be; it must be below 2^63")
        return hint(value)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _fields(value, below, hint, place)
    if (origin or hint) in LISTS:
        return _items(value, origin or hint, arguments, place)
    if (origin or hint) in (dict, collections.abc.Mapping):
        if not isinstance(value, Mapping):
            raise MisfitError
        inner = arguments[1] if arguments else Any
        laid = {key: lay(item, None, inner, place.below(str(key))) for key, item in value.items()}
        return {**(below or {}), **laid} if isinstance(value, Dotted) else laid
    return _plain_of(hint, value, place)


def _fit_one_of(value: Any, below: Any, hints: Sequence[Any], place: Place) -> Any:
    """As the first type that takes it; null comes first, since as a text it would be one."""
    refused: BadInput | None = None
    for hint in sorted(hints, key=lambda h: h is not type(None)):
        try:
            return _fit(value, below, hint, place)
        except MisfitError:
            continue
        except BadInput as error:  # of a part of it: this was the type that was meant, unless another fits
            refused = refused or error
    raise refused or MisfitError


def _class_spec(value: Any, below: Any, kind: type, place: Place, *, given: int, factory: bool) -> Any:
    """A class and its arguments as jsonargparse has them: `class_path` and `init_args`.

    Args:
        kind: the class it must be, or derive from.
        given: arguments that a factory gets by position.
        factory: it is called later, with what only the data tells.
    """
    spec = loaded(value, files=True) if isinstance(value, Text) else value
    spec = {"class_path": str(value) if isinstance(value, Text) else spec} if isinstance(spec, str) else spec
    before = below if isinstance(below, Mapping) and "class_path" in below else {}
    if not isinstance(spec, Mapping) or ("class_path" not in spec and not before):
        place.refuse(
            f"{_shown(_plain(spec))} names no class; write a name or {{class_path: NAME, init_args: {{...}}}}"
            f"{choices('', names(kind))}"
        )
    name = spec.get("class_path", before.get("class_path"))
    if not isinstance(name, str):
        place.below("class_path").refuse(f"expected a name, got {_shown(name)}")
    arguments = spec.get("init_args", {})
    if not isinstance(arguments, Mapping):
        place.below("init_args").refuse(f"expected a mapping, got {_shown(arguments)}; or leave it out")
    others = {key: item for key, item in spec.items() if key not in SPEC}
    if others and "class_path" in spec and not isinstance(spec, Dotted):
        place.refuse(f"{', '.join(sorted(others))} beside class_path; move it into init_args")
    if (new := new_class(name)) != name:
        place.refuse(f"{name} is {new} now; write that")
    try:
        cls = (place.trust or classes).find_class(str(name), kind)
    except BadInput as error:
        place.refuse(str(error))
    if factory and "dict_kwargs" in spec:
        place.refuse("dict_kwargs are not taken; write arguments as init_args")
    known = parameters(cls, skip=given)
    path = str(name) if "." in name else import_path(cls)
    kept = _kept(before, path, known)
    laid = lay_arguments({**arguments, **others}, kept, known, place, owner=cls.__name__)
    more = {"dict_kwargs": _plain_of(Any, spec["dict_kwargs"], place)} if "dict_kwargs" in spec else {}
    return {"class_path": path, **({"init_args": laid} if laid else {}), **more}


def _kept(before: Mapping[str, Any], path: str, known: Mapping[str, Parameter] | None) -> dict[str, Any]:
    """The arguments that another class leaves to this one; a warning names those that it does not take."""
    arguments = dict(before.get("init_args") or {})
    if not before or known is None or find_class(before["class_path"], object) is find_class(path, object):
        return arguments
    dropped = {key: arguments.pop(key) for key in list(arguments) if key not in known}
    if dropped:
        listed = ", ".join(f"{key}: {value}" for key, value in dropped.items()).replace("'", "")
        log.warning("the change from %s to %s drops %s", before["class_path"], path, listed)
    return arguments


def _fields(value: Any, below: Any, hint: type, place: Place) -> Any:
    """Fields of a dataclass."""
    if dataclasses.is_dataclass(value):
        return value
    if not isinstance(value, Mapping):
        raise MisfitError
    before = dataclasses.asdict(below) if dataclasses.is_dataclass(below) else below or {}  # type: ignore[arg-type]
    return lay_arguments(value, before, parameters(hint), place, owner=place.keys[-1])


def _items(value: Any, kind: Any, arguments: Sequence[Any], place: Place) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise MisfitError
    if kind is tuple and arguments and arguments[-1] is not ...:
        if len(value) != len(arguments):
            place.refuse(f"expected {len(arguments)} values, got {_shown(list(value))}")
        hints = list(arguments)
    else:
        hints = [arguments[0] if arguments else Any] * len(value)
    return [lay(item, None, hint, place) for item, hint in zip(value, hints, strict=True)]


def _flag(value: Any) -> bool:
    if isinstance(value, str) and value.lower() in (*YES, *NO):
        return value.lower() in YES
    return value if isinstance(value, bool) else _misfit()


def _is_literal(one: Any, value: Any) -> bool:
    values = (str(value), loaded(value)) if isinstance(value, Text) else (value,)
    return any(type(one) is type(each) and one == each for each in values)


def loaded(text: Text, *, files: bool = False) -> Any:
    """The text of an option read as YAML; a file is read where it may stand for a mapping."""
    if files and is_recipe(text) and Path(text).is_file():
        return read_recipe(text)[0]
    try:
        return load_fragment(str(text))
    except yaml.YAMLError:
        return str(text)


def _plain_of(hint: Any, value: Any, place: Place) -> Any:
    """A value of a type that only jsonargparse knows: for some it imports and calls what a text names."""
    harmless = hint in (Any, object) or (isinstance(hint, type) and issubclass(hint, Path))
    if place.trust is not None and not (harmless and _is_data(value)):
        kind = " or ".join(type_words(hint)) or "tensor"
        place.refuse(f"what is stored gives no {kind} here, got {_shown(value)}; type it as an option")
    return _plain(value)


def _is_data(value: Any) -> bool:
    """Whether it names no class, at any depth."""
    if isinstance(value, Mapping):
        return "class_path" not in value and all(map(_is_data, value.values()))
    return all(map(_is_data, value)) if isinstance(value, list) else True


def _plain(value: Any) -> Any:
    """`value` with the text of options read."""
    if isinstance(value, Text):
        return loaded(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _shown(value: Any) -> str:
    return "null" if value is None else repr(value)


def _misfit() -> NoReturn:
    raise MisfitError
