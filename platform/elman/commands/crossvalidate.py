"""`elman crossvalidate`: a recipe once for every fold."""

from __future__ import annotations

from elman.commands import Command
from elman.commands.fit import SEEDS, WORKERS, about_keys


def crossvalidate(words: list[str], *, workers: int, seeds: str) -> int:
    from elman.groups.folds import crossvalidate as train_folds

    return train_folds(words, workers=workers or None, seeds=seeds)


COMMAND = Command(
    order=5,
    line="train a recipe once for every fold of its data",
    usage="""\
usage: elman crossvalidate RECIPE ... --data.split.folds=N [--workers=N] [--seeds=N] [--key=value ...]

Train a recipe once for every fold of its data, a tracked run each below one of the group, and test each on
its fold. A fold that has finished is not trained again, so the same command goes on with what was
interrupted. It is known by its recipe: where files or code have changed under it, name another
--tracking.experiment.""",
    options={
        "seeds": SEEDS._replace(text="each fold with several seeds: how many, or a list; that of the recipe"),
        "workers": WORKERS,
    },
    run=crossvalidate,
    more=about_keys,
)
