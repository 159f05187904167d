"""jsonargparse, made strict and brief: one line for every mistake, and nothing dropped in silence.

What recipes and options give is laid together and checked by `values`; jsonargparse fills in defaults, makes
the classes and writes the resolved recipe.
"""

from __future__ import annotations

import copy
import functools
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple, NoReturn

import yaml
from jsonargparse import ArgumentParser, Namespace, set_dumper, set_loader, set_parsing_settings

from elman.errors import BadInput
from elman.recipes.arguments import Words, is_recipe, sort_words
from elman.recipes.classes import Parameter, choices, find_class, import_path, parameters
from elman.recipes.strict_yaml import dump_yaml, find_line, load_fragment, read_recipe, read_text
from elman.recipes.trust import Trust
from elman.recipes.values import Dotted, Place, Text, lay, lay_arguments, refuse_missing

MODE = "recipe"
"""Our name for strict YAML; jsonargparse's own "yaml" mode stays as it is for others in the process."""
PRINTED = {"": {}, "skip_default": {"skip_default": True}, "skip_unset": {"skip_unset": True}}
"""What `--print_config=FLAG` leaves out."""

set_loader(MODE, load_fragment, exceptions=(yaml.YAMLError,))
set_dumper(MODE, lambda values: dump_yaml(_with_import_paths(values)))
set_parsing_settings(validate_defaults=False)

_whole_defaults: ContextVar[bool] = ContextVar("whole_defaults", default=False)


class Source(NamedTuple):
    """One of the recipes that are laid over one another.

    Args:
        file: its name.
        values: what it holds.
        question: the comment at its head.
        trust: what may be imported for it, where it was stored; None: a user has typed it.
    """

    file: str
    values: Mapping[str, Any]
    question: str = ""
    trust: Trust | None = None


class RecipeParser(ArgumentParser):
    """A parser of recipes and dotted options.

    Differs from its base: YAML is strict; a mistake raises `BadInput` with one line; options are never
    abbreviated; a changed class takes its own defaults and warns of every argument it drops.
    `--config` is there from the start.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"parser_mode": MODE, "allow_abbrev": False, **kwargs})
        self.schema: dict[str, Any] = {}  # of a group, the parameters; of a key at the top, its type
        self.required: list[str] = []
        self.links: set[str] = set()
        self.given: dict[str, Any] = {}  # values that come before all recipes
        self.sources: Sequence[Source] = ()
        self.words = Words()
        # jsonargparse makes such parsers for the arguments of each class too; it takes --config off those.
        self.add_argument("-c", "--config", action="config", help="A recipe; several are merged in order.")

    # What there is, noted for the check.

    def add_argument(self, *args: Any, **kwargs: Any) -> Any:
        group, _, name = args[0].removeprefix("--").rpartition(".")
        if "type" in kwargs and hasattr(self, "schema"):  # jsonargparse's groups have none
            if isinstance(self.schema.get(group), dict):
                self.schema[group][name] = Parameter(kwargs["type"], required=False)
            elif not group:
                self.schema[name] = kwargs["type"]
        return super().add_argument(*args, **kwargs)

    def add_class_arguments(self, theclass: type, nested_key: str | None = None, **kwargs: Any) -> Any:  # type: ignore[override]
        self._note(nested_key, parameters(theclass), kwargs.get("skip"))
        return super().add_class_arguments(theclass, nested_key, **kwargs)

    def add_function_arguments(self, function: Any, nested_key: str | None = None, **kwargs: Any) -> Any:  # type: ignore[override]
        self._note(nested_key, parameters(function), kwargs.get("skip"))
        return super().add_function_arguments(function, nested_key, **kwargs)

    def add_subclass_arguments(self, baseclass: Any, nested_key: str, *args: Any, **kwargs: Any) -> Any:
        self.schema[nested_key] = baseclass
        self.required += [nested_key] if kwargs.get("required") else []
        return super().add_subclass_arguments(baseclass, nested_key, *args, **kwargs)

    def link_arguments(self, source: Any, target: str, *args: Any, **kwargs: Any) -> Any:
        self.links.add(target)
        return super().link_arguments(source, target, *args, **kwargs)

    def set_defaults(self, *args: Any, **kwargs: Any) -> None:
        for key, value in {**(args[0] if args else {}), **kwargs}.items():
            group, _, name = key.rpartition(".")
            (self.given.setdefault(group, {}) if group else self.given)[name] = value
        super().set_defaults(*args, **kwargs)

    def _note(self, group: str | None, found: Mapping[str, Parameter] | None, skip: Any) -> None:
        kept = {name: p for name, p in (found or {}).items() if name not in (skip or ())}
        self.schema.update({group: kept} if group else {name: p.hint for name, p in kept.items()})

    # Reading.

    def parse_args(self, args: Any = None, *more: Any, **kwargs: Any) -> Namespace:  # type: ignore[override]
        """The values that words give.

        Args:
            args: recipes and options, as `Words` or as they were typed.
        """
        if not self.exit_on_error:  # the parser of one class's arguments
            return super().parse_args(args, *more, **kwargs)
        words = args if isinstance(args, Words) else sort_words(args or ())
        return self.parse_words(words, [Source(file, *read_recipe(file)) for file in words.recipes])

    def parse_words(
        self, words: Words, sources: Sequence[Source], *, refused: Mapping[str, str] | None = None
    ) -> Namespace:
        """The values that recipes and options give, the options last.

        Args:
            words: for their options; a help or `--print_config` among them prints and exits.
            sources: the recipes, read.
            refused: dotted keys that are answered with a line of their own.

        Raises:
            BadInput: for whatever is wrong, in one line.
        """
        self.words, self.sources = words, sources
        self._help(words)
        if words.positional:
            raise BadInput(
                f"unexpected word {words.positional[0]!r}; a recipe ends in .yaml, an option begins with '--'"
            )
        values = copy.deepcopy(self.given)
        for source in sources:
            locate = functools.partial(_line, source)
            place = Place(file=source.file, locate=locate, refused=refused or {}, trust=source.trust)
            values = self._lay(source.values, values, place)
        place = Place(refused=refused or {})
        for name, text in words.options:
            if name != "--print_config":
                values = self._lay(_dotted(name, text), values, place)
        self._refuse_missing(values, Place(locate=self._written_at))
        config = _with_import_paths(self.parse_object(values))
        if any(name == "--print_config" for name, _ in words.options):
            self._print(config, words.value("--print_config") or "")
        return config

    def _lay(self, above: Mapping[str, Any], below: dict[str, Any], place: Place) -> dict[str, Any]:
        values = dict(below)
        for key, value in above.items():
            here = place.below(key)
            if key not in self.schema:
                place.refuse_key("", key, f"there is no key {key!r}{choices(key, self.schema)}")
            kind = self.schema[key]
            if not isinstance(kind, dict):
                values[key] = lay(value, values.get(key), kind, here)
                continue
            group = self._group(value, here)
            if linked := [name for name in group if f"{key}.{name}" in self.links]:
                here.below(linked[0]).refuse("follows from other values; leave it out")
            values[key] = lay_arguments(group, values.get(key, {}), kind, here, owner=key)
        return values

    def _group(self, value: Any, place: Place) -> Mapping[str, Any]:
        """The keys of a group; of a file, where an option names one."""
        read = (
            load_fragment(str(value), str(value) if is_recipe(value) else "")
            if isinstance(value, Text)
            else value
        )
        if isinstance(read, Mapping):
            return read
        got = "null" if read is None else repr(read)
        if isinstance(value, Text):
            place.refuse(f"expected keys and values, got {got}; write --{'.'.join(place.keys)}.KEY=VALUE")
        place.refuse(f"expected a mapping of its keys, got {got}; or leave it out")

    def _refuse_missing(self, values: Mapping[str, Any], place: Place) -> None:
        if missing := [key for key in self.required if key not in values]:
            raise BadInput(f"the recipe needs a value for {' and '.join(missing)}; give it")
        for key, kind in self.schema.items():
            kinds = (
                {(key, name): p.hint for name, p in kind.items()}
                if isinstance(kind, dict)
                else {(key,): kind}
            )
            for keys, hint in kinds.items():
                value = values.get(key)
                value = value if len(keys) == 1 else (value or {}).get(keys[1])
                refuse_missing(value, hint, place._replace(keys=keys))

    def _help(self, words: Words) -> None:
        """Print the help that is asked for, of all keys or of a class, and exit."""
        for name, value in words.options:
            if name in ("-h", "--help"):
                super().parse_args([name])
            if name.endswith(".help"):
                group, _, key = name.removeprefix("--").removesuffix(".help").rpartition(".")
                kind = self.schema.get(group or key)
                hint = kind[key].hint if isinstance(kind, dict) and key in kind else kind
                path = lay(Text(value), None, hint, Place())["class_path"] if value and hint else value
                super().parse_args([name if path is None else f"{name}={path}"])

    def _print(self, config: Namespace, flag: str) -> NoReturn:
        if flag not in PRINTED:
            raise BadInput(f"--print_config takes {' or '.join(filter(None, PRINTED))}, got {flag!r}")
        with _defaults_with_arguments():
            sys.stdout.write(self.dump(config, **{"skip_unset": False, **PRINTED[flag]}))
        raise SystemExit(0)

    # Making.

    def get_defaults(self, *args: Any, **kwargs: Any) -> Namespace:
        """As the base class does, but a class that is a default comes without its arguments' defaults.

        The base class fills them in, and then hands them on to whatever class replaces the default: with
        Adam as the default, AdamW would silently run with Adam's weight_decay.
        """
        defaults = super().get_defaults(*args, **kwargs)
        if _whole_defaults.get():
            return _with_import_paths(_without_tuples(defaults))
        for action in self._actions:
            if isinstance(action.default, dict | Namespace) and "class_path" in action.default:
                defaults[action.dest] = _class_spec(action.default)
        return defaults

    def instantiate(self, *args: Any, **kwargs: Any) -> Any:
        """As the base class does; a `ValueError` of a constructor becomes `BadInput` with the same words."""
        refused: list[tuple[type, ValueError]] = []

        def make(cls: type, *arguments: Any, **named: Any) -> Any:
            try:
                return cls(*arguments, **named)
            except ValueError as error:
                refused.append((cls, error))
                raise

        try:
            return super().instantiate(*args, **{"instantiators": [(make, object, True)], **kwargs})
        except BadInput:
            raise
        except ValueError as error:
            cls, cause = refused[0] if refused else (None, error.__cause__ or error)  # of a block within
            keys = _keys_of_class(args[0], cls) if cls is not None and args else []
            parts = (self._written_at(keys), ".".join(keys), " ".join(str(cause).split()))
            raise BadInput(": ".join(part for part in parts if part)) from cause

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        if not self.exit_on_error:  # the parser of one class's arguments; the outer one reports it
            super().error(message, ex)
        raise BadInput(" ".join(message.split())) from ex

    def _written_at(self, keys: Sequence[str]) -> str:
        """file:line of `keys`, unless the command line gave them."""
        option = "--" + ".".join(keys)
        if not keys or any(name == option or name.startswith(f"{option}.") for name, _ in self.words.options):
            return ""
        return next(filter(None, (_line(source, keys, "") for source in reversed(self.sources))), "")


def resolved(parser: RecipeParser, cfg: Namespace) -> str:
    """The recipe of `cfg` with every value, defaults too; reads back as the same `cfg`."""
    return parser.dump(cfg, skip_unset=False, skip_validation=True)


def minimal(parser: RecipeParser, cfg: Namespace) -> str:
    """The recipe of `cfg` with only what departs from the defaults; reads back as the same `cfg`."""
    with _defaults_with_arguments():
        return parser.dump(cfg, skip_unset=False, skip_default=True, skip_validation=True)


def _dotted(name: str, text: str | None) -> Dotted:
    """`--model.bptt.k1=20` as a mapping of mappings; `init_args` may be written or left out."""
    if text is None:
        raise BadInput(f"{name} expected one argument; write {name}=VALUE")
    value: Any = Text(text)
    keys = name.removeprefix("--").split(".")
    for key in reversed([key for key in keys if key != "init_args"]):
        value = Dotted({key: value})
    return value


def _line(source: Source, keys: Sequence[str], otherwise: str | None = None) -> str:
    """file:line of a key in a recipe; where it is not one of a file, its name or what stands for it."""
    name = source.file if otherwise is None else otherwise
    line = find_line(read_text(source.file), keys) if keys and is_recipe(source.file) else None
    return f"{source.file}:{line}" if line else name


def _keys_of_class(config: Namespace, cls: type) -> list[str]:
    """Where in `config` the class stands; empty if that is not one place."""
    places = [
        key
        for key, value in config.items()
        if key.endswith("class_path") and isinstance(value, str) and find_class(value, object) is cls
    ]
    keys = places[0].split(".")[:-1] if len(places) == 1 else []
    return [key for key in keys if key != "init_args"]


def _with_import_paths(value: Any) -> Any:
    """The same path for a class wherever it was named, since it is part of a recipe's digest."""
    if isinstance(value, list):
        return [_with_import_paths(item) for item in value]
    if not isinstance(value, dict | Namespace):
        return value
    items = vars(value) if isinstance(value, Namespace) else value
    found = {key: _with_import_paths(item) for key, item in items.items()}
    path = found.get("class_path")
    if isinstance(path, str) and path.startswith(("elman.", "datamodules.")):
        found["class_path"] = import_path(find_class(path, object))
    return Namespace(**found) if isinstance(value, Namespace) else found


@contextmanager
def _defaults_with_arguments() -> Iterator[None]:
    token = _whole_defaults.set(True)
    try:
        yield
    finally:
        _whole_defaults.reset(token)


def _class_spec(default: dict | Namespace) -> Namespace:
    spec = Namespace(**copy.deepcopy(vars(default) if isinstance(default, Namespace) else default))
    if isinstance(spec.get("init_args"), dict):
        spec["init_args"] = Namespace(**spec["init_args"])
    return spec


def _without_tuples(value: Any) -> Any:
    """`value` as it would come back from YAML, so that a default can be told from a departure."""
    if isinstance(value, Namespace):
        return Namespace(**{key: _without_tuples(item) for key, item in vars(value).items()})
    if isinstance(value, dict):
        return {key: _without_tuples(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_tuples(item) for item in value]
    return value
