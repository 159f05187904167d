"""jsonargparse, made strict and brief: one line for every mistake, and nothing dropped in silence."""

from __future__ import annotations

import copy
import logging
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NoReturn

import yaml
from jsonargparse import ArgumentParser, Namespace, set_dumper, set_loader

from elman.errors import BadInput
from elman.recipes.complaints import Complaint, explain
from elman.recipes.strict_yaml import dump_yaml, find_line, load_fragment, load_yaml, read_text

log = logging.getLogger(__name__)

MODE = "recipe"
"""Our name for strict YAML; jsonargparse's own "yaml" mode stays as it is for others in the process."""

set_loader(MODE, load_fragment, exceptions=(yaml.YAMLError,))
set_dumper(MODE, dump_yaml)

_whole_defaults: ContextVar[bool] = ContextVar("whole_defaults", default=False)


class _Dropped(logging.Handler):
    """Hears of the arguments jsonargparse drops, which it tells to its debug log alone."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.told: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if "discarding init_args" not in message or message in self.told:
            return
        self.told.add(message)
        change, _, dropped = message.removeprefix("Due to class_path change ").partition(
            ", discarding init_args: "
        )
        log.warning("the change %s drops %s", change.replace("'", ""), dropped.strip("{}.").replace("'", ""))


# A logger by name, because jsonargparse copies its parsers and only such a logger can be copied.
_base_log = logging.getLogger("elman.recipes.parser.jsonargparse")
_base_log.propagate = False
_base_log.setLevel(logging.DEBUG)
_dropped = _Dropped()
_base_log.handlers = [_dropped]


class RecipeParser(ArgumentParser):
    """A parser of recipes and dotted options.

    Differs from its base: YAML is strict; a mistake raises `BadInput` with one line; options are never
    abbreviated; a changed class takes its own defaults and warns of every argument it drops.
    `--config` is there from the start.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs = {"parser_mode": MODE, "allow_abbrev": False, "logger": _base_log, **kwargs}
        super().__init__(*args, **kwargs)
        self.sources: list[tuple[str, str]] = []
        # jsonargparse makes such parsers for the arguments of each class too; it takes --config off those.
        self.add_argument("-c", "--config", action="config", help="A recipe; several are merged in order.")

    def parse_args(self, args: Sequence[str] | None = None, *more: Any, **kwargs: Any) -> Namespace:  # type: ignore[override]
        if self.exit_on_error:
            self.sources = []
            _dropped.told.clear()
            for word in args or ():
                if word.startswith("--config=") and "{" not in word:
                    read_text(word.removeprefix("--config="))
        elif args is not None:
            # An option inside a class's argument comes here as text that Python made of the value it had.
            args = [word.removesuffix("None") + "null" if word.endswith("=None") else word for word in args]
        with _imports_explained():
            config = super().parse_args(args, *more, **kwargs)
        for name, text in self.sources if self.exit_on_error else ():
            self._check_nothing_dropped(load_yaml(text, name), config, "")
        return config

    def parse_string(self, *args: Any, **kwargs: Any) -> Namespace:
        with _imports_explained():
            return super().parse_string(*args, **kwargs)

    def parse_path(self, path: Any, *args: Any, **kwargs: Any) -> Namespace:
        name = str(path)
        text = read_text(name)
        self.sources.append((name, text))
        self._check_shape(load_yaml(text, name), [])
        return super().parse_path(path, *args, **kwargs)

    def get_defaults(self, *args: Any, **kwargs: Any) -> Namespace:
        """As the base class does, but a class that is a default comes without its arguments' defaults.

        The base class fills them in, and then hands them on to whatever class replaces the default: with
        Adam as the default, AdamW would silently run with Adam's weight_decay.
        """
        defaults = super().get_defaults(*args, **kwargs)
        if _whole_defaults.get():
            return _without_tuples(defaults)
        for action in self._actions:
            if isinstance(action.default, dict | Namespace) and "class_path" in action.default:
                defaults[action.dest] = _class_spec(action.default)
        return defaults

    def instantiate(self, *args: Any, **kwargs: Any) -> Any:
        """As the base class does; a `ValueError` of a constructor becomes `BadInput` with the same words."""
        try:
            return super().instantiate(*args, **kwargs)
        except BadInput:
            raise
        except ValueError as error:
            complaint = explain(str(error), self)
            if complaint.class_path and args:
                complaint.keys = _keys_of_class(args[0], complaint.class_path)
            raise BadInput(self._located(complaint)) from error

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        if not self.exit_on_error:  # the parser of one class's arguments; the outer one will explain
            super().error(message, ex)
        raise BadInput(self._located(explain(message, self))) from ex

    def _located(self, complaint: Complaint) -> str:
        parts = (self._written_at(complaint.keys), complaint.where, complaint.text)
        return ": ".join(part for part in parts if part)

    def _written_at(self, keys: list[str]) -> str:
        """file:line of `keys`, unless the command line gave them."""
        option = "--" + ".".join(keys)
        if not keys or any(
            word.startswith((option + "=", option + ".")) for word in getattr(self, "args", [])
        ):
            return ""
        for name, text in reversed(self.sources):
            if line := find_line(text, keys):
                return f"{name}:{line}"
        return ""

    def _is_group(self, key: str) -> bool:
        return any(a.dest.startswith(f"{key}.") and not a.dest.endswith(".help") for a in self._actions)

    def _check_shape(self, values: dict[str, Any], keys: list[str]) -> None:
        """Refuse shapes that the base class ignores or stumbles over."""
        for key, value in values.items():
            here = [*keys, key]
            where = f"{self._written_at(here)}: {'.'.join(here)}"
            if not keys and not isinstance(value, dict) and self._is_group(key):
                raise BadInput(
                    f"{where}: expected a mapping of its keys, got {_shown(value)}; or leave it out"
                )
            if not isinstance(value, dict):
                continue
            if "class_path" in value:
                others = sorted(set(value) - {"class_path", "init_args", "dict_kwargs"})
                if not isinstance(value["class_path"], str):
                    raise BadInput(f"{where}.class_path: expected a name, got {_shown(value['class_path'])}")
                if not isinstance(value.get("init_args", {}), dict):
                    got = _shown(value["init_args"])
                    raise BadInput(f"{where}.init_args: expected a mapping, got {got}; or leave it out")
                if others:
                    raise BadInput(f"{where}: {', '.join(others)} beside class_path; move it into init_args")
            self._check_shape(value, here)

    def _check_nothing_dropped(self, values: dict[str, Any], config: Namespace, above: str) -> None:
        """Refuse an unknown key whose value is an empty mapping, which the base class drops in silence."""
        for key, value in values.items():
            if not isinstance(value, dict):
                continue
            if key not in config:
                self.error(f"{above}Option '{key}' is unknown")
            below = config[key]
            if not isinstance(below, Namespace):
                continue
            path = f'{above}Parser key "{key}": ' if key != "init_args" else above
            if "class_path" in value and "class_path" in below:
                if _short(value["class_path"]) != _short(below.class_path):
                    continue  # a later recipe or option names another class
                path += f"Problem with given class_path '{below.class_path}': "
            self._check_nothing_dropped(value, below, path)


def resolved(parser: RecipeParser, cfg: Namespace) -> str:
    """The recipe of `cfg` with every value, defaults too; reads back as the same `cfg`."""
    return parser.dump(cfg, skip_unset=False)


def minimal(parser: RecipeParser, cfg: Namespace) -> str:
    """The recipe of `cfg` with only what departs from the defaults; reads back as the same `cfg`."""
    with _defaults_with_arguments():
        return parser.dump(cfg, skip_unset=False, skip_default=True)


@contextmanager
def _imports_explained() -> Iterator[None]:
    """Turn what a module of the user's raises while it is imported, even an exit, into one line."""
    try:
        yield
    except (BadInput, KeyboardInterrupt):
        raise
    except BaseException as error:
        frames = list(traceback.walk_tb(error.__traceback__))
        path = next((f.f_locals.get("name") for f, _ in frames if f.f_code.co_name == "import_object"), None)
        if path is None:
            raise
        if isinstance(error, SyntaxError):
            place = f"{error.filename}:{error.lineno}"
        else:
            place = f"{frames[-1][0].f_code.co_filename}:{frames[-1][1]}"
        what = f"{type(error).__name__}: {error}".strip(": ")
        raise BadInput(f"cannot import {path!r}: {place} raises {what}; mend the module") from error


def _keys_of_class(config: Namespace, class_path: str) -> list[str]:
    """Where in `config` the class stands; empty if that is not one place."""
    places = [key for key, value in config.items() if key.endswith(".class_path") and value == class_path]
    keys = places[0].split(".")[:-1] if len(places) == 1 else []
    return [key for key in keys if key != "init_args"]


def _short(class_path: str) -> str:
    return class_path.rpartition(".")[2]


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


def _shown(value: Any) -> str:
    return "null" if value is None else repr(value)
