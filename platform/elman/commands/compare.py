"""`elman compare`: recipes side by side, by their runs over seeds and folds."""

from __future__ import annotations

from elman.commands import Command, Option, note
from elman.errors import BadInput

USAGE = "elman compare A B [C ...] [--metric=METRIC] [--format=FORMAT] [--output=FILE] [--key=value ...]"


def compare(words: list[str], *, metric: str, value: str, form: str, output: str, force: bool) -> int:
    from elman.commands._comparing import print_comparison
    from elman.recipes.arguments import sort_words

    found = sort_words(words)
    for name, given in found.options:
        if "." not in name and name != "--seed_everything":
            raise BadInput(f"there is no option {name}{'' if given is None else f'={given}'} here; {USAGE}")
    names = [word for word in words if word in {*found.recipes, *found.positional}]
    if not names:
        raise BadInput(f"something is missing; {USAGE}")
    return print_comparison(
        names, found, metric=metric or None, value=value, form=form, output=output, force=force, say=note
    )


COMMAND = Command(
    order=21,
    line="compare recipes by their runs over seeds and folds",
    usage="""\
usage: elman compare A B [C ...] [--metric=METRIC] [--value=best|last] [--format=FORMAT] [--output=FILE]
                     [--force] [--key=value ...]

Compare recipes by the runs that there are of them: each is a recipe's file, a run, a group of runs
(`elman fit --seeds`), or an experiment, which stands for all recipes in it. Runs of the same seed and fold
pair. Searches are put side by side. Other options belong to the recipes that are named by file.""",
    options={
        "metric": Option("--metric=METRIC", "compare by this; what the recipes monitor"),
        "value": Option(
            "--value=VALUE", "which value of a run: best or last; best", choices=("best", "last")
        ),
        "form": Option(
            "--format=FORMAT",
            "text, markdown, csv (a line a run), latex or json; text",
            choices=("text", "markdown", "csv", "latex", "json"),
        ),
        "output": Option("--output=FILE", "also a picture: .png, .svg, .pdf, or .html to point at"),
        "force": Option(
            "--force", "also figures that mean different things: of other data, metrics or losses"
        ),
    },
    run=compare,
)
