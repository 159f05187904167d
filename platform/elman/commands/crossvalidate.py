"""`elman crossvalidate`: a recipe once for every fold."""

from __future__ import annotations

from elman.commands import Command, Option
from elman.commands.fit import about_keys


def crossvalidate(words: list[str], *, workers: int) -> int:
    from elman.run.folds import crossvalidate as train_folds

    return train_folds(words, workers=workers)


COMMAND = Command(
    order=5,
    line="train a recipe once for every fold of its data",
    usage="""\
usage: elman crossvalidate RECIPE ... --data.split.folds=N [--workers=N] [--key=value ...]

Train a recipe once for every fold of its data, a tracked run each, and test each on its fold. A fold that
has finished is not trained again, so the same command goes on with what was interrupted. It is known by its
recipe: where files or code have changed under it, name another --tracking.experiment.""",
    options={
        "workers": Option("--workers=N", "folds trained at the same time; 1", default=1, kind=int, least=1)
    },
    run=crossvalidate,
    more=about_keys,
)
