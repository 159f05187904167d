"""`elman credit`: what each recipe's strategy lets a loss reach."""

from __future__ import annotations

from elman.commands import OVERRIDES, Command, Option
from elman.errors import BadInput


def credit(words: list[str], *, output: str) -> int:
    from pathlib import Path

    from elman.commands._credit_table import credit_table
    from elman.recipes.arguments import sort_words

    found = sort_words(words)
    if not found.recipes:
        raise BadInput("elman credit needs at least one recipe: elman credit RECIPE.yaml ...")
    print(credit_table(found, folder=Path(output) if output else None))
    return 0


COMMAND = Command(
    order=8,
    line="show which loss a strategy charges to which step",
    usage="""\
usage: elman credit RECIPE ... [--output=FOLDER] [--key=value ...]

Show, a line for each recipe, which steps a loss can change under its strategy.""",
    options={"output": Option("--output=FOLDER", "draw the credit matrices there, as PNG")},
    run=credit,
    more=OVERRIDES,
)
