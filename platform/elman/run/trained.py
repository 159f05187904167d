"""A trained network from a run or from one of its checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from elman.cores.kernels import use_kernels
from elman.errors import BadInput
from elman.recipes.arguments import sort_words
from elman.recipes.recipe import Recipe, make_task, parse
from elman.recipes.trust import Stored
from elman.run.checkpoints import newest, read_checkpoint, restore_data
from elman.tasks import SequenceTask
from elman.tracking.find import find_run
from elman.tracking.record import command_line
from elman.tracking.store import resolve_uri
from elman.trust import trusted_packages


def trained_recipe(
    command: str, given: Sequence[str], *, trust: str = "", reads_data: bool = True
) -> tuple[dict[str, Any], Any, Any]:
    """The checkpoint a RUN or CHECKPOINT names, its recipe with the options laid over it, and its classes.

    Args:
        trust: packages, separated by commas, whose classes its recipe may name.
        reads_data: whether the recipe's data will be read.
    """
    found = sort_words(given)
    if not found.positional:
        raise BadInput(
            f"elman {command} needs a run's id or name, or a checkpoint: elman {command} RUN|CHECKPOINT"
        )
    target, *left = found.positional
    path = Path(target)
    if path.suffix != ".ckpt" and not path.exists():
        path = _best(target, found.value("--tracking.tracking_uri"))
    checkpoint = read_checkpoint(path)
    words = found._replace(positional=tuple(left))
    stored = Stored(
        f"{path}: its recipe",
        checkpoint["elman"]["recipe"],
        command_line(["elman", command, target]),
        trusted_packages(trust),
        reads_data=reads_data,
    )
    recipe = parse(command, words, base=stored, trains=False)
    parts = recipe.classes()
    restore_data(parts.data, checkpoint, path)
    return checkpoint, recipe, parts


def _best(run_name: str, uri: str | None) -> Path:
    """A run's best checkpoint, else its newest."""
    run = find_run(resolve_uri(uri), run_name)
    folder = Path(run.checkpoints or "")
    best = folder / "best.ckpt"
    return best if best.is_file() else newest(folder)


def trained(checkpoint: dict[str, Any], recipe: Recipe, data: Any) -> SequenceTask:
    """The task of a checkpoint with its weights.

    Args:
        data: has `input_size`, `output_size`, `token_ids`.
    """
    weight = checkpoint["state_dict"].get("readout.weight")
    if weight is None:
        raise BadInput("the checkpoint holds no weights of a network; use another one of its folder")
    try:
        task = make_task(recipe.classes(), data).to(weight.dtype)
    except (AttributeError, TypeError) as error:
        raise BadInput(f"the checkpoint's metadata describe no network ({error}); use another one") from error
    try:
        task.load_state_dict(checkpoint["state_dict"])
    except RuntimeError as error:
        lines = str(error).splitlines()
        why = lines[1] if len(lines) > 1 else lines[0]
        raise BadInput(f"the checkpoint's weights do not fit this recipe: {why.strip()}") from error
    use_kernels(task.network, checkpoint["elman"].get("kernels"))
    task.time_steps = checkpoint["elman"]["time_steps"]
    task.eval()
    return task
