"""Which run `--resume` means, and the checkpoint to go on from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from elman.errors import BadInput
from elman.recipes.recipe import Recipe, parse
from elman.recipes.strict_yaml import load_yaml
from elman.recipes.trust import Stored, named_packages
from elman.run.budgets import BUDGETS, refuse_spent
from elman.run.checkpoints import newest, read_checkpoint
from elman.run.folder import take
from elman.run.summary import say
from elman.tracking.find import find_run, unfinished
from elman.tracking.lock import holder, is_held
from elman.tracking.reading import open_to_read, read_text
from elman.tracking.runs import RunRow
from elman.tracking.store import resolve_uri
from elman.tracking.tags import DIGEST_TAG, PROCESS_TAG, RECIPE_TAG

SHOWN_VALUES = 3


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
        BadInput: if there is no such run, if it has other values, has finished and has no larger budget now,
            or is still being written.
    """
    if resume is None:
        return None, None
    uri = resolve_uri(tracking["tracking_uri"])
    if resume:
        run = find_run(uri, resume)
    elif found := unfinished(uri, tracking["experiment"], recipe.digest):
        run = found[0]
    else:
        raise BadInput(_no_such_run(uri, recipe, tracking["experiment"]))
    run, checkpoint = _held(run, uri)
    if checkpoint is not None:
        refuse_spent(run, recipe.config.trainer, read_checkpoint(checkpoint))
    elif run.status == "FINISHED":
        raise BadInput(f"run {run.id} ({run.name}) has finished, and nothing of it is saved; start a new run")
    if run.tags.get(DIGEST_TAG) != recipe.digest and (others := _other_values(recipe, run.id, uri)):
        shown = ", ".join(others[:SHOWN_VALUES]) + (", ..." if len(others) > SHOWN_VALUES else "")
        raise BadInput(
            f"run {run.id} ({run.name}) was started with other values: {shown}; give those, or leave out "
            "--resume for a new run"
        )
    return _from(run, checkpoint)


def go_on(run: RunRow, uri: str) -> tuple[str, Path | None]:
    """A run that has not finished, held by this process from here on, and its checkpoint; None: it has none.

    Raises:
        BadInput: if another process writes it, or its folder is not there.
    """
    run, checkpoint = _held(run, uri)
    if run.status == "FINISHED":
        raise BadInput(f"run {run.id} ({run.name}) has just finished")
    return _from(run, checkpoint)


def _held(run: RunRow, uri: str) -> tuple[RunRow, Path | None]:
    """The run, as it is once this process holds it, and its newest good checkpoint; None: it has none."""
    if run.status == "RUNNING" and run.alive:
        folder = Path(run.checkpoints or "")
        writer = holder(folder) if is_held(folder) else run.tags.get(PROCESS_TAG, "another process")
        raise BadInput(f"run {run.id} ({run.name}) is still being written by {writer}; stop it first")
    if run.checkpoints is None:
        return run, None
    folder = Path(run.checkpoints)
    if not folder.is_dir():
        raise BadInput(
            f"{folder}, where run {run.id} ({run.name}) was saved, is not there; put it back or start anew"
        )
    take(folder, f"{run.id} ({run.name})")
    now = find_run(uri, run.id)  # as the process left it that held it before
    return now, newest(folder) if any(folder.glob("step-*.ckpt")) else None


def _from(run: RunRow, checkpoint: Path | None) -> tuple[str, Path | None]:
    if checkpoint is None:
        say("nothing was saved before this run ended: it begins anew")
    return run.id, checkpoint


def _other_values(recipe: Recipe, run_id: str, uri: str) -> list[str]:
    """The options with which a run was started and this recipe was not; none if they are the same.

    The stored recipe is read in today's words.
    """
    with open_to_read(uri) as (client, _):
        text = read_text(client, run_id, "recipe.yaml")
    if text is None:
        return ["it keeps no recipe.yaml that would say which"]
    try:
        trusted = frozenset(named_packages(load_yaml(recipe.resolved, recipe.name)))
        stored = Stored(f"recipe.yaml of run {run_id}", text, "elman fit", trusted, places=True)
        before = parse("fit", [], base=stored)
    except BadInput as error:
        return [str(error)]
    then, now = before.decisive, recipe.decisive
    names = {name for name in then | now if then.get(name) != now.get(name)}
    names -= {f"trainer.{name}" for name in BUDGETS}  # of which there may be more now
    return [f"--{name}={then.get(name, 'null')} (here {now.get(name, 'null')})" for name in sorted(names)]


def _no_such_run(uri: str, recipe: Recipe, experiment: str) -> str:
    others = unfinished(uri, experiment, recipe.name, tag=RECIPE_TAG)
    line = f"no unfinished run of {recipe.name} with these values is in experiment {experiment!r}"
    if not others:
        return f"{line}; start it without --resume, or name the run"
    listed = ", ".join(f"{run.id} ({run.name}, {run.status})" for run in others)
    return f"{line}; with other values there are {listed}: give the options they were started with"
