"""A recipe with several seeds: `elman fit RECIPE --seeds=5`."""

from __future__ import annotations

from elman.errors import BadInput
from elman.groups.group import train_group
from elman.groups.member import Member, seeds_of
from elman.recipes.arguments import Words


def fit_seeds(words: Words, seeds: str, *, workers: int | None) -> int:
    """Train a recipe with each of the seeds, a run each, under one; the exit code.

    Args:
        words: recipes and options.
        seeds: how many, or a list.

    Raises:
        BadInput: for seeds that there cannot be, and what does not go with them.
    """
    members = [Member(seed=seed) for seed in seeds_of(seeds)]
    if words.value("--seed_everything") is not None:
        one = f"--seed_everything={words.value('--seed_everything')}"
        raise BadInput(f"--seeds={seeds} and {one} both name seeds; leave one out")
    return train_group(words, members, varies="seed", workers=workers)
