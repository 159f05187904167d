"""Which run `--resume` means, and the checkpoint to go on from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from elman.errors import BadInput
from elman.recipes.recipe import Recipe, parse
from elman.run.checkpoints import newest
from elman.run.parallel import is_first_process
from elman.run.summary import say
from elman.tracking.find import find_run, unfinished
from elman.tracking.reading import open_to_read, read_text
from elman.tracking.store import resolve_uri
from elman.tracking.tags import DIGEST_TAG, PROCESS_TAG, RECIPE_TAG

RUN_VARIABLE = "ELMAN_RUN"
RESUME_VARIABLE = "ELMAN_RESUME"


def inform_other_processes(run_id: str, checkpoint: Path | None) -> None:
    """Leave what was decided where the processes that this one starts will find it."""
    os.environ[RUN_VARIABLE] = run_id
    os.environ[RESUME_VARIABLE] = str(checkpoint or "")


def begun(folder: Path) -> Path | None:
    """The newest good checkpoint of a run, by its folder; None: it has none, and begins anew."""
    if not any(folder.glob("step-*.ckpt")):
        return None
    try:
        return newest(folder)
    except BadInput as error:
        say(f"{error}; it begins anew")
        return None


def resumed(recipe: Recipe, tracking: dict[str, Any], resume: str | None) -> tuple[str | None, Path | None]:
    """The run to go on with and its checkpoint; (None, None) for a new run.

    Args:
        tracking: the recipe's block of that name.
        resume: a run's id or name; "": the newest unfinished run of this recipe with these values;
            None: a new run.

    Raises:
        BadInput: if there is no such run, if it has other values, has finished, or is still being written.
    """
    if not is_first_process():  # rank 0 has decided
        saved = os.environ.get(RESUME_VARIABLE)
        return os.environ.get(RUN_VARIABLE), Path(saved) if saved else None
    if resume is None:
        return None, None
    uri = resolve_uri(tracking["tracking_uri"])
    if resume:
        run = find_run(uri, resume)
        if run.tags.get(DIGEST_TAG) != recipe.digest and not _is_of(recipe, run.id, uri):
            raise BadInput(
                f"run {run.id} ({run.name}) was started with other values than this recipe resolves to; give "
                "the recipe and options it was started with (its artifact recipe.yaml), or start a new run"
            )
        if run.status == "FINISHED":
            raise BadInput(
                f"run {run.id} ({run.name}) has finished; start a new run, or raise its budget in a new one"
            )
    else:
        found = unfinished(uri, tracking["experiment"], recipe.digest)
        if not found:
            raise BadInput(_no_such_run(uri, recipe, tracking["experiment"]))
        run = found[0]
    if run.status == "RUNNING" and run.alive:
        raise BadInput(
            f"run {run.id} ({run.name}) is still being written by {run.tags[PROCESS_TAG]}; stop it first"
        )
    if run.checkpoints is None:
        raise BadInput(f"run {run.id} ({run.name}) names no checkpoints; start the recipe anew")
    folder = Path(run.checkpoints)
    if not folder.is_dir():
        raise BadInput(
            f"{folder}, where run {run.id} ({run.name}) was saved, is not there; put it back or start anew"
        )
    if not any(folder.glob("step-*.ckpt")):
        say("nothing was saved before this run ended: it begins anew")
        return run.id, None
    return run.id, newest(folder)


def _is_of(recipe: Recipe, run_id: str, uri: str) -> bool:
    """Whether a run's stored recipe, of before keys were renamed, is this one in today's words."""
    with open_to_read(uri) as (client, _):
        text = read_text(client, run_id, "recipe.yaml")
    if text is None:
        return False
    try:
        return parse("fit", [], base=(f"recipe.yaml of run {run_id}", text)).digest == recipe.digest
    except BadInput:
        return False


def _no_such_run(uri: str, recipe: Recipe, experiment: str) -> str:
    others = unfinished(uri, experiment, recipe.name, tag=RECIPE_TAG)
    line = f"no unfinished run of {recipe.name} with these values is in experiment {experiment!r}"
    if not others:
        return f"{line}; start it without --resume, or name the run"
    listed = ", ".join(f"{run.id} ({run.name}, {run.status})" for run in others)
    return f"{line}; with other values there are {listed}: give the options they were started with"
