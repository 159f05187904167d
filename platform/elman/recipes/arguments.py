"""Words of the command line, put into the one order that jsonargparse can read."""

from __future__ import annotations

from collections.abc import Collection, Sequence

FLAGS = frozenset({"-h", "--help", "--version"})
OPTIONAL_VALUE = frozenset({"--resume", "--print_config"})
RECIPE_OPTIONS = frozenset({"-c", "--config"})
RECIPE_SUFFIXES = (".yaml", ".yml")


def rewrite(
    args: Sequence[str],
    *,
    flags: Collection[str] = FLAGS,
    optional_value: Collection[str] = OPTIONAL_VALUE,
) -> list[str]:
    """Put `args` in an order in which no option comes before what it refers to.

    jsonargparse reads from left to right and refuses `--model.bptt.k1=20 --model.bptt=Truncated`. Here the
    user's order counts only between recipes, and between options of the same depth.

    A word that follows an option without `=` is its value unless it begins with `--`, so negative numbers and
    lists need no `=`. Options in `flags` take no value; those in `optional_value` take the next word only
    if it is neither an option nor a recipe. After a lone `--`, every word is positional.

    Args:
        args: words after the command.
        flags: options without a value.
        optional_value: options whose value may be left out.

    Returns:
        Recipes (positional `*.yaml`, `*.yml`, `--config FILE` and `-c FILE` alike) as `--config=FILE` in the
        order given; then every option, stably sorted by the number of dots in its name, its value joined
        by `=`; then what is left, positional words in the order given.
    """
    recipes: list[str] = []
    options: list[tuple[int, str]] = []
    positional: list[str] = []
    words = list(args)
    while words:
        word = words.pop(0)
        if word == "--":
            positional += words
            break
        if not _is_option(word):
            (recipes if _is_recipe(word) else positional).append(word)
            continue
        name, equals, value = word.partition("=")
        if not equals and name not in flags and words and _takes(words[0], name in optional_value):
            equals, value = "=", words.pop(0)
        if name in RECIPE_OPTIONS and equals:
            recipes.append(value)
        else:
            options.append((name.count("."), name + equals + value))
    options.sort(key=lambda option: option[0])
    return [f"--config={path}" for path in recipes] + [option for _, option in options] + positional


def _is_option(word: str) -> bool:
    return word.startswith("--") or word in RECIPE_OPTIONS | FLAGS


def _is_recipe(word: str) -> bool:
    return word.lower().endswith(RECIPE_SUFFIXES)


def _takes(word: str, optional: bool) -> bool:
    """Whether `word`, after an option, is that option's value."""
    if word.startswith("--"):
        return False
    return not (optional and (word.startswith("-") or _is_recipe(word)))
