"""What a command about a trained network is told first: a run, or one of its checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from elman.errors import BadInput


def trained_recipe(command: str, words: Sequence[str]) -> tuple[dict[str, Any], Any, Any]:
    """The checkpoint a RUN or CHECKPOINT names, its recipe with the options laid over it, and its classes."""
    from elman.arguments import rewrite
    from elman.launch.checkpoints import read_checkpoint
    from elman.launch.recipes import parse

    rest = rewrite(words)
    target = next((word for word in rest if not word.startswith("--")), None)
    if target is None:
        raise BadInput(
            f"elman {command} needs a run's id or name, or a checkpoint: elman {command} RUN|CHECKPOINT"
        )
    rest.remove(target)
    path = Path(target)
    if path.suffix != ".ckpt" and not path.exists():
        uri = next((w.partition("=")[2] for w in rest if w.startswith("--tracking.tracking_uri=")), None)
        path = _best(target, uri)
    checkpoint = read_checkpoint(path)
    recipe = parse(command, rest, base=(f"{path}: its recipe", checkpoint["elman"]["recipe"]))
    parts = recipe.classes()
    parts.data.load_state_dict(checkpoint.get(type(parts.data).__qualname__, {}))
    return checkpoint, recipe, parts


def _best(run_name: str, uri: str | None) -> Path:
    """A run's best checkpoint, else its newest."""
    from elman.launch.checkpoints import newest
    from elman.tracking.find import find_run
    from elman.tracking.store import resolve_uri

    run = find_run(resolve_uri(uri), run_name)
    folder = Path(run.checkpoints or "")
    best = folder / "best.ckpt"
    return best if best.is_file() else newest(folder)
