"""`elman fit`: train a recipe."""

from __future__ import annotations

from elman.commands import TRUST, Command, Option
from elman.errors import BadInput


def fit(words: list[str], *, resume: str | None, trust: str) -> int:
    from elman.recipes.arguments import sort_words
    from elman.recipes.recipe import parse
    from elman.run.job import fit as train

    found = sort_words(words)
    asks_help = any(name.endswith(".help") for name, _ in found.options)
    if not (found.recipes or found.positional or asks_help):
        from elman.run.again import AUTO
        from elman.run.own_recipe import recipe_of_run

        if not resume or resume == AUTO:
            raise BadInput("elman fit needs a recipe: elman fit RECIPE.yaml")

        return train(recipe_of_run(resume, found, trust=trust), resume=resume).code
    return train(parse("fit", found), resume=resume).code


def about_keys() -> str:
    """The help on a recipe's keys, for all commands that train recipes."""
    from elman.commands._keys import key_lines

    return "\n".join([EXAMPLES, *key_lines()])


EXAMPLES = """\
  --print_config  print the resolved recipe and do nothing

Every key of a recipe is an option, a class goes by name:
  --model.bptt=Truncated --model.bptt.k1=20 --data.path=my.txt --trainer.max_minutes=3
  --model.bptt.help Truncated   lists what a class takes"""

COMMAND = Command(
    together=True,
    order=1,
    line="train a recipe, tracked; or continue a run with --resume",
    usage="""\
usage: elman fit RECIPE ... [--resume [RUN]] [--key=value ...]
       elman fit --resume RUN [--trainer.max_time_steps=N] [--trainer.max_minutes=N]

Train a recipe, tracked. Several recipes are merged, the later ones win. A run goes on by its name alone; with
a larger budget also one that has finished, as if it had had that budget from the start.""",
    options={
        "resume": Option(
            "--resume [RUN]",
            "go on with this run, by id or name; without RUN, with the newest unfinished run of this\n"
            "recipe, values and all; --resume=auto: with that, or a new run where there is none",
        ),
        "trust": TRUST,
    },
    run=fit,
    more=about_keys,
)
