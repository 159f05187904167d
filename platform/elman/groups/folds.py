"""Cross-validation: a recipe once for every fold of its data, and tested on it."""

from __future__ import annotations

from collections.abc import Sequence

from elman.errors import BadInput
from elman.groups.group import train_group
from elman.groups.member import Member, seeds_of
from elman.recipes.arguments import sort_words
from elman.recipes.recipe import Recipe, parse

TESTED = "--trainer.test_after=true"


def crossvalidate(words: Sequence[str], *, workers: int | None, seeds: str = "") -> int:
    """Train every fold, with each of the seeds where some are named, and test its best checkpoint on it.

    Args:
        words: recipes and options, as for `elman fit`.
        workers: runs at the same time; None: by cores or GPUs.
        seeds: how many, or a list; "": that of the recipe.

    Returns:
        The exit code, as of `train_group`.

    Raises:
        BadInput: if the recipe is wrong, its data has no folds, or the data changed between folds.
    """
    found = sort_words(words)
    if not found.recipes:
        raise BadInput(
            "elman crossvalidate needs a recipe: elman crossvalidate RECIPE.yaml --data.split.folds=10"
        )
    folds = range(_folds(parse("fit", found)))
    named = seeds_of(seeds) if seeds else [None]
    return train_group(
        found,
        [Member(seed=seed, fold=fold) for seed in named for fold in folds],
        varies="fold and seed" if seeds else "fold",
        workers=workers,
        more=[TESTED],
    )


def _folds(recipe: Recipe) -> int:
    split = (recipe.config.data.get("init_args") or {}).get("split")
    folds = getattr(split, "folds", None)
    if not folds:
        name = recipe.config.data.class_path.rpartition(".")[2]
        if not hasattr(split, "folds"):
            raise BadInput(f"data={name} cannot be dealt into folds; use data whose split has them")
        raise BadInput("elman crossvalidate needs the number of folds: --data.split.folds=10")
    return int(folds)
