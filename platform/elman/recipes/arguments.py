"""Words of the command line, sorted into recipes, options and the rest."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

FLAGS = frozenset({"-h", "--help", "--version"})
OPTIONAL_VALUE = frozenset({"--resume", "--print_config"})
RECIPE_OPTIONS = frozenset({"-c", "--config"})
RECIPE_SUFFIXES = (".yaml", ".yml")


class Words(NamedTuple):
    """What a command was given.

    Args:
        recipes: names of files, in the order given.
        options: (name, value) with the name's dashes, stably sorted by the number of dots in it, so that no
            option comes before what it refers to; None: no value was given.
        positional: all else, in the order given.
    """

    recipes: tuple[str, ...] = ()
    options: tuple[tuple[str, str | None], ...] = ()
    positional: tuple[str, ...] = ()

    def value(self, name: str) -> str | None:
        """The last value of an option; None: there is none."""
        return next((value for option, value in reversed(self.options) if option == name), None)


def sort_words(
    args: Sequence[str],
    *,
    flags: Collection[str] = FLAGS,
    optional_value: Collection[str] = OPTIONAL_VALUE,
) -> Words:
    """The words after a command, whose order counts only between recipes and between options of one depth.

    A word that follows an option without `=` is its value unless it begins with `--`, so negative numbers and
    lists need no `=`. Options in `flags` take no value; those in `optional_value` take the next word only
    if it is neither an option nor a recipe. After a lone `--`, every word is positional.

    Args:
        args: words after the command.
        flags: options without a value.
        optional_value: options whose value may be left out.
    """
    recipes: list[str] = []
    options: list[tuple[str, str | None]] = []
    positional: list[str] = []
    words = list(args)
    while words:
        word = words.pop(0)
        if word == "--":
            positional += words
            break
        if not _is_option(word):
            (recipes if is_recipe(word) else positional).append(word)
            continue
        name, equals, text = word.partition("=")
        value = text if equals else None
        if value is None and name not in flags and words and _takes(words[0], name in optional_value):
            value = words.pop(0)
        if name in RECIPE_OPTIONS and value is not None:
            recipes.append(value)
        else:
            options.append((name, value))
    options.sort(key=lambda option: option[0].count("."))
    return Words(tuple(recipes), tuple(options), tuple(positional))


def rewrite(words: Words | Sequence[str]) -> list[str]:
    """Recipes as `--config=FILE`, then options as `--name=value`, then positional words."""
    found = words if isinstance(words, Words) else sort_words(words)
    options = [name if value is None else f"{name}={value}" for name, value in found.options]
    return [*(f"--config={path}" for path in found.recipes), *options, *found.positional]


def is_recipe(word: str) -> bool:
    return word.lower().endswith(RECIPE_SUFFIXES)


def _is_option(word: str) -> bool:
    return word.startswith("--") or word in RECIPE_OPTIONS | FLAGS


def _takes(word: str, optional: bool) -> bool:
    """Whether `word`, after an option, is that option's value."""
    if word.startswith("--"):
        return False
    return not (optional and (word.startswith("-") or is_recipe(word)))
