"""Commands that show: `elman credit` and `elman ui`."""

from __future__ import annotations

from pathlib import Path

from elman.commands.options import number, option
from elman.errors import BadInput


def credit(words: list[str]) -> int:
    """`elman credit RECIPE ... [--output=FOLDER]`: what each recipe's strategy lets a loss reach."""
    from elman.commands.credit_table import credit_table
    from elman.recipes.arguments import rewrite

    output, words = option(words, "--output", "")
    ordered = rewrite(words)
    recipes = [word.removeprefix("--config=") for word in ordered if word.startswith("--config=")]
    if not recipes:
        raise BadInput("elman credit needs at least one recipe: elman credit RECIPE.yaml ...")
    options = [word for word in ordered if not word.startswith("--config=")]
    print(credit_table(recipes, options, folder=Path(output) if output else None))
    return 0


def ui(words: list[str]) -> int:
    """`elman ui [--port=N] [--tracking.tracking_uri=URI] [--tracking.experiment=NAME]`"""
    from elman.tracking.ui import PORT, serve

    port, words = number(words, "--port", PORT, int, least=1)
    uri, words = option(words, "--tracking.tracking_uri", "")
    experiment, words = option(words, "--tracking.experiment", "")
    if words:
        raise BadInput(
            f"elman ui does not take {words[0]!r}; it takes --port, --tracking.tracking_uri, "
            "--tracking.experiment"
        )
    return serve(uri or None, port, experiment=experiment or None)
