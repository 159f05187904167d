"""Going on with a run while its store is away: what is known of it stands in its spool."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from elman.errors import BadInput
from elman.recipes.recipe import Recipe
from elman.run.checkpoints import newest
from elman.run.folder import take
from elman.run.summary import say
from elman.tracking.lock import is_held
from elman.tracking.retry import is_passing
from elman.tracking.spool import FILE, Spool
from elman.tracking.tags import DIGEST_TAG
from elman.tracking.unsent import FOLDER


class Left(NamedTuple):
    """A run that has a spool.

    Args:
        folder: of its checkpoints.
        about: what its spool knows of it.
    """

    folder: Path
    about: dict[str, Any]

    def is_called(self, text: str) -> bool:
        return self.about.get("name") == text or any(
            name.startswith(text) for name in (self.folder.name, self.about.get("run") or "")
        )


def resumed_here(recipe: Recipe, checkpoints: Path, why: str, name: str) -> tuple[str, Path | None] | None:
    """The run to go on with, held by this process, and its checkpoint; None: there is none.

    Args:
        checkpoints: the folder of all runs.
        why: the store is away.
        name: id or name of the run, or the beginning of its id; "": the newest unfinished one of this recipe.

    Raises:
        BadInput: if it was started with other values, or another process writes it.
    """
    found = [
        left
        for left in _left(checkpoints)
        if (left.is_called(name) if name else left.about.get("tags", {}).get(DIGEST_TAG) == recipe.digest)
    ]
    if not found:
        return None
    run = max(found, key=lambda left: left.about.get("started_ms", 0))
    if run.about.get("tags", {}).get(DIGEST_TAG) != recipe.digest:
        raise BadInput(
            f"run {run.folder.name} was started with other values, and {why} to say which; give those, or "
            "leave out --resume for a new run"
        )
    take(run.folder, run.folder.name)
    if not any(run.folder.glob("step-*.ckpt")):
        say("nothing was saved before this run ended: it begins anew")
        return run.folder.name, None
    return run.folder.name, newest(run.folder)


def _left(checkpoints: Path) -> Iterator[Left]:
    """Runs below a folder that have a spool, have not finished and are not being written."""
    for file in checkpoints.glob(f"*/{FOLDER}/{FILE}"):
        if file.parents[1].is_symlink() or is_held(file.parents[1]):
            continue
        try:
            spool = Spool(file.parent)
        except BadInput as error:
            if is_passing(error):  # another process has just taken it
                continue
            raise
        about = spool.about
        spool.close()
        if not about.get("finished"):
            yield Left(file.parents[1], about)
