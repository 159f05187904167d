"""`elman fit`: train a recipe."""

from __future__ import annotations

from elman.commands import TRUST, Command, Option
from elman.errors import BadInput
from elman.recipes.arguments import Words


def fit(words: list[str], *, resume: str | None, trust: str, seeds: str, workers: int) -> int:
    from elman.recipes.arguments import sort_words
    from elman.recipes.recipe import parse
    from elman.run.job import fit as train

    found = sort_words(words)
    if seeds:
        return _fit_seeds(found, seeds, resume=resume, workers=workers or None)
    if workers:
        raise BadInput(f"--workers={workers} counts runs at the same time, of several --seeds; leave it out")
    asks_help = any(name.endswith(".help") for name, _ in found.options)
    if not (found.recipes or found.positional or asks_help):
        from elman.run.again import AUTO
        from elman.run.own_recipe import recipe_of_run

        if not resume or resume == AUTO:
            raise BadInput("elman fit needs a recipe: elman fit RECIPE.yaml")

        return train(recipe_of_run(resume, found, trust=trust), resume=resume).code
    return train(parse("fit", found), resume=resume).code


def _fit_seeds(words: Words, seeds: str, *, resume: str | None, workers: int | None) -> int:
    from elman.groups.seeds import fit_seeds
    from elman.run.launched import refuse_launcher

    if resume is not None:
        raise BadInput(
            f"--seeds={seeds} goes on by itself with what the same command has begun; leave out --resume"
        )
    if not words.recipes:
        raise BadInput("--seeds needs a recipe: elman fit RECIPE.yaml --seeds=5")
    refuse_launcher("fit --seeds")
    return fit_seeds(words, seeds, workers=workers)


def about_keys() -> str:
    """The help on a recipe's keys, for all commands that train recipes."""
    from elman.commands._keys import key_lines

    return "\n".join([EXAMPLES, *key_lines()])


EXAMPLES = """\
  --print_config  print the resolved recipe and do nothing

Every key of a recipe is an option, a class goes by name:
  --model.bptt=Truncated --model.bptt.k1=20 --data.path=my.txt --trainer.max_minutes=3
  --model.bptt.help Truncated   lists what a class takes"""

SEEDS = Option(
    "--seeds=N",
    "train with seeds 1 to N, or with these (--seeds=1,2,7): a run each, at the same time, below one\n"
    "that has their mean, interval and curves; the same command goes on with what was stopped",
)
WORKERS = Option(
    "--workers=N",
    "runs at the same time; as many as this machine has GPUs, or cores",
    default=0,
    kind=int,
    least=1,
)

COMMAND = Command(
    together=True,
    order=1,
    line="train a recipe, tracked; or continue a run with --resume",
    usage="""\
usage: elman fit RECIPE ... [--resume [RUN]] [--key=value ...]
       elman fit RECIPE ... --seeds=N [--workers=N] [--key=value ...]
       elman fit --resume RUN [--trainer.max_time_steps=N] [--trainer.max_minutes=N]

Train a recipe, tracked. Several recipes are merged, the later ones win. A run goes on by its name alone; with
a larger budget also one that has finished, as if it had had that budget from the start.""",
    options={
        "resume": Option(
            "--resume [RUN]",
            "go on with this run, by id or name; without RUN, with the newest unfinished run of this\n"
            "recipe, values and all; --resume=auto: with that, or a new run where there is none",
        ),
        "seeds": SEEDS,
        "workers": WORKERS,
        "trust": TRUST,
    },
    run=fit,
    more=about_keys,
)
