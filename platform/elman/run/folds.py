"""Cross-validation: a recipe once for every fold of its data, each a tracked run of its own."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from elman.errors import BadInput
from elman.recipes.arguments import sort_words
from elman.recipes.recipe import Recipe, parse
from elman.run.summary import say
from elman.tracking.find import finished, unfinished
from elman.tracking.runs import DATA_PARAMS, RunRow
from elman.tracking.store import resolve_uri

Metrics = dict[str, float]


def crossvalidate(words: Sequence[str], *, workers: int = 1) -> int:
    """Train every fold, test its best checkpoint on it, and print the test metrics of all with their mean.

    Every fold is a process and a run. A fold that some run has finished with the same recipe is not trained
    again, and one that was stopped goes on, so the same command continues what was interrupted.

    Args:
        words: recipes and options, as for `elman fit`.
        workers: folds trained at the same time.

    Returns:
        The exit code: 0, or that of the first fold that failed.

    Raises:
        BadInput: if the recipe is wrong, its data has no folds, or the data changed between folds.
    """
    given = sort_words(words)
    if not given.recipes and not given.positional:
        raise BadInput(
            "elman crossvalidate needs a recipe: elman crossvalidate RECIPE.yaml --data.split.folds=10"
        )
    first = parse("fit", words)
    folds = _folds(first)
    options = [_options(first, fold) for fold in range(folds)]
    recipes = [parse("fit", [*words, *more]) for more in options]
    recipes[0].classes()  # which refuses what is wrong before any process is started
    found = [_tested(recipe) for recipe in recipes]
    for fold, row in enumerate(found):
        if row is not None:
            say(f"fold {fold}, trained before: {_in_line(_test_metrics(row))}")
    missing = [fold for fold in range(folds) if found[fold] is None]
    commands = [_command([*words, *options[fold]], recipes[fold]) for fold in missing]
    threads = max(1, (os.cpu_count() or 1) // workers)

    def train(fold: int, command: list[str]) -> int:
        code = subprocess.run(
            command,
            env={"OMP_NUM_THREADS": str(threads), **os.environ},
            stdout=subprocess.DEVNULL,
            check=False,
        ).returncode
        say(f"fold {fold}: {'trained' if not code else f'ended with exit code {code}'}")
        return code

    with ThreadPoolExecutor(workers) as pool:
        codes = [code for code in pool.map(train, missing, commands) if code]
    if codes:
        say("the same command goes on with the folds that have not finished")
        return codes[0]
    tested = [_tested(recipe) for recipe in recipes]
    refuse_unlike(tested)
    say(_table([{} if row is None else _test_metrics(row) for row in tested]))
    return 0


def _folds(recipe: Recipe) -> int:
    split = (recipe.config.data.get("init_args") or {}).get("split")
    folds = getattr(split, "folds", None)
    if not folds:
        name = recipe.config.data.class_path.rpartition(".")[2]
        if not hasattr(split, "folds"):
            raise BadInput(f"data={name} cannot be dealt into folds; use data whose split has them")
        raise BadInput("elman crossvalidate needs the number of folds: --data.split.folds=10")
    return int(folds)


def _options(recipe: Recipe, fold: int) -> list[str]:
    name = recipe.config.tracking.run_name or recipe.name
    return [
        f"--data.split.fold={fold}",
        "--trainer.test_after=true",
        "--trainer.progress=false",
        f"--tracking.run_name={name} fold {fold}",
    ]


def _command(words: Sequence[str], recipe: Recipe) -> list[str]:
    """What trains a fold, or goes on with it."""
    begun = unfinished(_uri(recipe), recipe.config.tracking.experiment, recipe.digest)
    resume = [f"--resume={begun[0].id}"] if begun and begun[0].checkpoints else []
    script = Path(sys.executable).with_name("elman")
    program = [str(script)] if script.is_file() else [sys.executable, "-m", "elman"]
    return [*program, "fit", *words, *resume]


def refuse_unlike(rows: Sequence[RunRow | None]) -> None:
    """Raise `BadInput` for folds that read unlike data: trained before and after it changed, say."""
    read = {fold: dict(row.data) for fold, row in enumerate(rows) if row is not None}
    digests = {
        fold: {name: value for name, value in data.items() if not name.startswith(DATA_PARAMS)}
        for fold, data in read.items()
    }
    first = next(iter(digests), 0)
    other = next((fold for fold in digests if digests[fold] != digests[first]), None)
    if other is not None:
        raise BadInput(
            f"fold {first} and fold {other} read unlike data, so they have no mean: it changed between them; "
            "name another --tracking.experiment to train all of them on the data as it is"
        )


def _tested(recipe: Recipe) -> RunRow | None:
    """The newest run that has finished this recipe with a test; None: there is none."""
    runs = finished(_uri(recipe), recipe.config.tracking.experiment, recipe.digest)
    return next((run for run in runs if _test_metrics(run)), None)


def _test_metrics(row: RunRow) -> Metrics:
    return {name: value for name, value in sorted(row.metrics.items()) if name.startswith("test/")}


def _uri(recipe: Recipe) -> str:
    return resolve_uri(recipe.config.tracking.tracking_uri)


def _table(metrics: Sequence[Metrics]) -> str:
    lines = [f"{'':8}" + "".join(f"{name:>24}" for name in metrics[0])]
    for fold, each in enumerate(metrics):
        lines.append(f"fold {fold:<3}" + "".join(f"{value:24.4f}" for value in each.values()))
    columns = [[each[name] for each in metrics] for name in metrics[0]]
    lines.append(f"{'mean':8}" + "".join(f"{statistics.fmean(column):24.4f}" for column in columns))
    lines.append(f"{'st.dev.':8}" + "".join(f"{statistics.stdev(column):24.4f}" for column in columns))
    return "\n".join(lines)


def _in_line(metrics: Metrics) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())
