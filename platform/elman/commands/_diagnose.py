"""Meters asked of runs that have ended."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from elman.diagnostics.credit import described
from elman.diagnostics.diagnosis import Diagnosis, diagnosed, write
from elman.diagnostics.meter import Meter
from elman.diagnostics.meters import ALL
from elman.errors import BadInput
from elman.recipes.arguments import sort_words
from elman.run.trained import trained, trained_recipe


def diagnose_runs(
    words: list[str], *, meters: str, output: str, trust: str, say: Callable[[str], None]
) -> int:
    """Ask meters of every run named, and write what they say.

    Args:
        words: RUN|CHECKPOINT, once or more, and options of the recipe.
        meters: names, separated by commas; empty: all that fit.
        output: a folder.
        trust: packages whose classes the recipes may name.
    """
    given = sort_words(words)
    if not given.positional:
        raise BadInput(
            "elman diagnose needs a run's id or name, or a checkpoint: elman diagnose RUN [RUN ...]"
        )
    asked = _chosen(meters)
    options = [word for word in words if word not in given.positional]
    found = []
    for target in given.positional:
        if len(given.positional) > 1:
            say(f"{target}:")
        found.append(_diagnosis(target, options, asked, trust=trust, say=say))
    paths = write(found, Path(output), titles={meter.name: meter.title for meter in asked})
    print(f"wrote {paths[0]} and {len(paths) - 1} pictures beside it")
    return 0


def _diagnosis(
    target: str, options: list[str], meters: list[Meter], *, trust: str, say: Callable[[str], None]
) -> Diagnosis:
    checkpoint, recipe, parts = trained_recipe("diagnose", [target, *options], trust=trust)
    parts.data.prepare_data()
    parts.data.setup("validate")
    task = trained(checkpoint, recipe, parts.data)
    return diagnosed(task, parts.data, meters, run=target, what=_what(task), say=say)


def _what(task: Any) -> str:
    core = type(task.network.core).__name__
    return f"{core}, {described(task.bptt, task.objective.way_back)}, after {task.time_steps:,} time steps"


def _chosen(names: str) -> list[Meter]:
    """The meters that are asked.

    Raises:
        BadInput: for a name that none has.
    """
    kinds = {kind.__name__: kind for kind in ALL}
    wanted = [name.strip() for name in names.split(",") if name.strip()] or list(kinds)
    for name in wanted:
        if name not in kinds:
            near = get_close_matches(name, kinds, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(kinds)}"
            raise BadInput(f"--meters: no meter is called {name!r}{hint}")
    return [kinds[name]() for name in dict.fromkeys(wanted)]
