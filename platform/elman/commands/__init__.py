"""Commands of the front door: a file each, found by its name.

A module of this folder whose name does not begin with `_` is a command of that name, and holds it as
`COMMAND`: its options, its help and its function. Such a module imports nothing heavy before its function is
called, since `elman --help` reads them all.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from elman.errors import BadInput
from elman.printable import printable
from elman.recipes.arguments import is_recipe
from elman.recipes.blocks import KEYS

KNOWN = {f"--{key}" for key in (*KEYS, "config", "print_config", "help", "version")}
LARGEST = 2**63  # what a seed or a count of torch cannot reach
OVERRIDES = "\nOther options replace values of the recipe; `elman fit --help` lists them."


class Option(NamedTuple):
    """An option of a command, which no recipe has.

    Args:
        form: as it is typed: `--limit=N` takes a value, `--all` takes none, `--resume [RUN]` may have one.
        text: what it does, for the help; lines are kept. Empty: only the usage names it.
        default: its value where it is not given.
        kind: `int` or `float` for a number.
        least: of a number.
        choices: the values it may have; the first is the default, unless `default` is one.
    """

    form: str
    text: str = ""
    default: Any = ""
    kind: type = str
    least: float = 0
    choices: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.form.partition("=")[0].partition(" ")[0]

    def take(self, words: Sequence[str]) -> tuple[Any, list[str]]:
        """The option's value, and the other words.

        Raises:
            BadInput: for a value that it cannot have.
        """
        if self.form == self.name:
            return self._flag(words)
        if " [" in self.form:
            return self._optional(words)
        text, rest = self._text(words)
        if text is None:
            return self.choices[0] if self.choices and self.default == "" else self.default, rest
        if self.choices and text not in self.choices:
            among = f"{', '.join(self.choices[:-1])} or {self.choices[-1]}"
            raise BadInput(f"{self.name} must be {among}, got {text!r}")
        return (text if self.kind is str else self._number(text)), rest

    def _text(self, words: Sequence[str]) -> tuple[str | None, list[str]]:
        """The value of `name=value` or `name value`."""
        rest = list(words)
        for index, word in enumerate(rest):
            if word.startswith(self.name + "="):
                del rest[index]
                return word[len(self.name) + 1 :], rest
            if word == self.name:
                if index + 1 == len(rest) or rest[index + 1].startswith("--"):
                    raise BadInput(f"{self.name} needs a value: {self.name}=VALUE")
                del rest[index]
                return rest.pop(index), rest
        return None, rest

    def _flag(self, words: Sequence[str]) -> tuple[bool, list[str]]:
        rest = [word for word in words if word != self.name]
        if any(word.startswith(self.name + "=") for word in rest):
            raise BadInput(f"{self.name} takes no value; write {self.name} alone, or leave it out")
        return len(rest) < len(words), rest

    def _optional(self, words: Sequence[str]) -> tuple[str | None, list[str]]:
        """The value, "" where the option stands alone, None where it does not stand; a recipe is no value."""
        value, rest, left = None, [], list(words)
        while left:
            word = left.pop(0)
            if word.startswith(self.name + "="):
                value = word[len(self.name) + 1 :]
            elif word == self.name:
                value = left.pop(0) if left and not left[0].startswith("-") and not is_recipe(left[0]) else ""
            else:
                rest.append(word)
        return value, rest

    def _number(self, text: str) -> Any:
        try:
            value = self.kind(text)
        except ValueError:
            value = None
        if value is None or not self.least <= value < LARGEST:
            rule = f"a number of type {self.kind.__name__}, at least {self.least}"
            raise BadInput(f"{self.name} must be {rule}, got {text!r}")
        return value


class Command(NamedTuple):
    """A command: all of it.

    Args:
        order: its place in the list of commands.
        line: what it does, in a few words.
        usage: how it is typed, and what it does in full.
        run: called with the words that are left, and with each option by its name; returns the exit code.
        options: the command's own, by the names that `run` has for them.
        more: the end of the help.
        parts: commands below this one, by the word that follows it.
        together: whether several processes that a launcher starts may run it as one.
    """

    order: int
    line: str
    usage: str
    run: Callable[..., int]
    options: Mapping[str, Option] = {}
    more: str | Callable[[], str] = ""
    parts: Mapping[str, Command] = {}
    together: bool = False

    def __call__(self, words: Sequence[str]) -> int:
        """Run it with the words that follow its name; the exit code."""
        if words and words[0] in self.parts:
            return self.parts[words[0]](words[1:])
        values, rest = {}, list(words)
        for name, option in self.options.items():
            values[name], rest = option.take(rest)
        self._refuse_misspelt(rest)
        return int(self.run(rest, **values))

    def _refuse_misspelt(self, words: Sequence[str]) -> None:
        """What is neither a key of recipes nor known, but nearly an option of this command, is a slip."""
        names = [option.name for option in self.options.values()]
        for word in words:
            name = word.partition("=")[0]
            if name.startswith("--") and "." not in name and name not in KNOWN:
                from difflib import get_close_matches

                for near in get_close_matches(name, names, n=1, cutoff=0.75):
                    raise BadInput(f"there is no option {name}; did you mean {near}?")

    def help(self) -> str:
        """All that it takes, in words."""
        options = {**self.options}
        for part in self.parts.values():
            options |= {name: each for name, each in part.options.items() if name not in options}
        shown = [option for option in options.values() if option.text]
        width = max((len(option.form) for option in shown), default=0)
        rows = [
            f"  {option.form:<{width}}  " + option.text.replace("\n", "\n" + " " * (width + 4))
            for option in shown
        ]
        more = self.more if isinstance(self.more, str) else self.more()
        return "\n".join([self.usage.rstrip(), *([""] if rows else []), *rows, *([more] if more else [])])


def names() -> list[str]:
    """The commands there are."""
    files = [
        file for folder in __path__ for file in os.listdir(folder)
    ]  # `pkgutil` imports `inspect` for this
    found = {file.removesuffix(".py") for file in files if file.endswith(".py") and not file.startswith("_")}
    return sorted(found, key=lambda name: find(name).order)


def find(name: str) -> Command:
    """The command of a name that `names` lists."""
    return importlib.import_module(f"{__name__}.{name}").COMMAND


def positional(words: Sequence[str], usage: str, *, least: int, most: int | None = None) -> list[str]:
    """What is left once all options are taken: from `least` to `most` names.

    Raises:
        BadInput: for any other count, and for an option that is none; with `usage`, the command in a line.
    """
    for word in words:
        if word.startswith("-") and word != "-":
            raise BadInput(f"there is no option {word.partition('=')[0]} here; {usage}")
    if len(words) < least:
        raise BadInput(f"something is missing; {usage}")
    if most is not None and len(words) > most:
        raise BadInput(f"{words[most]!r} is one word too many; {usage}")
    return list(words)


def note(text: str) -> None:
    """Print beside what was asked for, so that a file or a pipe does not get it."""
    print(printable(text, keep="\n"), file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """Print an answer for programs: JSON, in which what is no number is null; `docs/programs.md` names it."""
    import json

    print(json.dumps(_finite(value), indent=1, ensure_ascii=False, default=str))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, Mapping):
        return {str(key): _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value


URI = Option("--tracking.tracking_uri=URI")
EXPERIMENT = Option("--tracking.experiment=NAME")
TRUST = Option(
    "--trust=PACKAGE,...", "packages of your own whose classes the stored recipe names; their code is run"
)
OUTPUT = Option("--output=FILE", "where the lines go; the terminal", default="-")
