"""The recipe that a run keeps, to go on with it by its name alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from elman.errors import BadInput
from elman.recipes.arguments import Words
from elman.recipes.recipe import Recipe, parse
from elman.recipes.trust import Stored
from elman.run.budgets import BUDGETS
from elman.run.checkpoints import newest, read_checkpoint
from elman.tracking.reading import open_to_read, read_text
from elman.tracking.record import command_line
from elman.tracking.runs import RunRow, row_of
from elman.tracking.tags import COMMAND_TAG, FORK_STEP_TAG, FORK_TAG, NOTE_TAG
from elman.trust import trusted_packages

if TYPE_CHECKING:
    from mlflow import MlflowClient

STEPS = ("--trainer.max_time_steps", "--trainer.max_epochs")


def recipe_of_run(name: str, words: Words, *, trust: str = "") -> Recipe:
    """The recipe of a run, by the rules for stored ones, with options laid over it.

    What it was named, asked and started by stays; so do the folder that holds its checkpoints and its store.

    Args:
        name: the run's id, beginning of its id, or name.
        words: options; of budgets in time steps the given one replaces the other.
        trust: packages, separated by commas, whose classes the recipe may name.

    Raises:
        BadInput: if there is no such run, or it keeps no recipe.
    """
    from elman.tracking.find import find_run

    with open_to_read(words.value("--tracking.tracking_uri")) as (client, store):
        run = row_of(client.get_run(find_run(store, name).id))
        text = _text(client, run)
    again = command_line(["elman", "fit", "--resume", name])
    stored = Stored(f"recipe.yaml of run {run.id}", text, again, trusted_packages(trust))
    words = words._replace(options=(*_one_budget(words).items(), *words.options))
    here = {"--tracking.tracking_uri": store, **_folder(run)}
    recipe = parse("fit", words._replace(options=(*here.items(), *words.options)), base=stored)
    whole = parse("fit", words, base=stored._replace(places=True))
    budgets = [f"{option}={value}" for option, value in words.options if _is_budget(option)]
    return replace(
        recipe,
        name=run.recipe or recipe.name,
        question=_question(run.tags.get(NOTE_TAG, "")),
        command=" ".join([run.tags.get(COMMAND_TAG, again), *budgets]),
        whole=whole,
        origin=_origin(run),
    )


def _text(client: MlflowClient, run: RunRow) -> str:
    """What the store keeps; a run that ended before it was stored has it in its checkpoints."""
    text = read_text(client, run.id, "recipe.yaml")
    if text is not None:
        return text
    if run.checkpoints is None or not any(Path(run.checkpoints).glob("step-*.ckpt")):
        raise BadInput(
            f"run {run.id} ({run.name}) keeps no recipe; give the one it was started with: "
            f"elman fit RECIPE.yaml --resume {run.id}"
        )
    return str(read_checkpoint(newest(Path(run.checkpoints)))["elman"]["recipe"])


def _folder(run: RunRow) -> dict[str, str]:
    """The option that names the folder of the run's checkpoints, where they are: there it goes on."""
    folder = Path(run.checkpoints or "")
    known = folder.name == run.id and any(folder.glob("step-*.ckpt"))
    return {"--trainer.checkpoints": str(folder.parent)} if known else {}


def _origin(run: RunRow) -> str:
    """Of a fork, what it goes on from, as `Fork.origin` names it."""
    of = run.tags.get(FORK_TAG, "")
    return f"{of}@{run.tags.get(FORK_STEP_TAG, '')}" if of else ""


def _one_budget(words: Words) -> dict[str, str]:
    given = [option for option in STEPS if words.value(option) is not None]
    return {option: "null" for option in STEPS if given and option not in given}


def _is_budget(option: str) -> bool:
    return option.removeprefix("--trainer.") in BUDGETS


def _question(note: str) -> str:
    """What a run's note says that it asks; the answer stands before it, the command after it."""
    paragraphs = note.partition("```")[0].strip().split("\n\n")
    return "\n\n".join(part for part in paragraphs if not (part.startswith("**") and part.endswith("**")))
