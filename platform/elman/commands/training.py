"""Commands that train: `elman fit`, `elman crossvalidate` and `elman rerun`."""

from __future__ import annotations

from collections.abc import Sequence

from elman.commands.options import number, option
from elman.errors import BadInput


def fit(words: list[str]) -> int:
    """`elman fit RECIPE [--resume [RUN]] [--key=value ...]`"""
    from elman.recipes.arguments import rewrite
    from elman.recipes.recipe import parse
    from elman.run.job import fit as train

    resume, rest = _resume(words)
    names = [word.partition("=")[0] for word in rewrite(rest)]
    if all(name.startswith("--") and name != "--config" and not name.endswith(".help") for name in names):
        raise BadInput("elman fit needs a recipe: elman fit RECIPE.yaml")
    return train(parse("fit", rest), resume=resume)


def crossvalidate(words: list[str]) -> int:
    """`elman crossvalidate RECIPE --data.split.folds=N [--workers=N] [--key=value ...]`"""
    from elman.run.crossvalidation import crossvalidate as train_folds

    workers, rest = number(words, "--workers", 1, int, least=1)
    return train_folds(rest, workers=workers)


def rerun(words: list[str]) -> int:
    """`elman rerun RUN [--resume [NEW]] [--key=value ...]`"""
    from elman.recipes.arguments import rewrite
    from elman.run.rerun import rerun as train_again

    resume, rest = _resume(words)
    ordered = rewrite(rest)
    named = [word for word in ordered if not word.startswith("--")]
    if len(named) != 1:
        raise BadInput("elman rerun needs one run's id or name: elman rerun RUN [--key=value ...]")
    ordered.remove(named[0])
    uri, ordered = option(ordered, "--tracking.tracking_uri", "")
    return train_again(named[0], ordered, uri=uri or None, resume=resume)


def print_keys() -> None:
    """Every key of a recipe: what it means, its type and its default."""
    from elman.recipes.recipe import make_parser

    text = make_parser("fit").format_help()
    print(text[text.index("  --seed_everything") :], end="")


def _resume(words: Sequence[str]) -> tuple[str | None, list[str]]:
    """(RUN, "" or None, the other words); a recipe after `--resume` is not its RUN."""
    from elman.recipes.arguments import rewrite

    found = [w for w in rewrite(words) if w == "--resume" or w.startswith("--resume=")]
    if not found:
        return None, list(words)
    value, rest, given = found[-1].partition("=")[2], [], list(words)
    while given:
        word = given.pop(0)
        if word == "--resume" and value and given and given[0] == value:
            given.pop(0)
        elif word != "--resume" and not word.startswith("--resume="):
            rest.append(word)
    return value, rest
