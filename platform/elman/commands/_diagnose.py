"""Meters asked of runs that have ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from elman.diagnostics.credit import described
from elman.diagnostics.diagnosis import Diagnosis, diagnosed, write
from elman.diagnostics.meter import History, Meter
from elman.diagnostics.meters import ALL
from elman.diagnostics.meters.update_health import LOGGED
from elman.errors import BadInput
from elman.recipes.arguments import sort_words
from elman.recipes.classes import find_class
from elman.run.trained import trained, trained_recipe
from elman.tracking.find import find_run
from elman.tracking.metrics import points
from elman.tracking.reading import open_to_read
from elman.tracking.runs import RunRow


class Asked(NamedTuple):
    """A run that was asked.

    Args:
        run: None: a checkpoint was named.
        diagnosis: what it answered.
        time_steps: it had seen.
    """

    run: RunRow | None
    diagnosis: Diagnosis
    time_steps: int


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
    kinds, uri = _chosen(meters), given.value("--tracking.tracking_uri")
    options = [word for word in words if word not in given.positional]
    found = []
    for target in given.positional:
        if len(given.positional) > 1:
            say(f"{target}:")
        found.append(_asked(target, options, kinds, uri=uri, trust=trust, say=say))
    names = [one.diagnosis.run for one in found]
    if len(set(names)) < len(names):  # which a picture could not tell apart
        found = [
            one._replace(diagnosis=replace(one.diagnosis, run=f"{one.diagnosis.run} ({target})"))
            for one, target in zip(found, given.positional, strict=True)
        ]
    titles = {meter.name: meter.title for meter in kinds}
    paths = write([one.diagnosis for one in found], Path(output), titles=titles)
    where = ""
    if len(found) == 1 and found[0].run is not None:
        _attach(found[0], found[0].run, paths, uri=uri)
        where = ", and all of it on the run's page under diagnosis/"
    print(f"wrote {paths[0]} and {len(paths) - 1} pictures beside it{where}")
    return 0


def _asked(
    target: str,
    options: list[str],
    meters: list[Meter],
    *,
    uri: str | None,
    trust: str,
    say: Callable[[str], None],
) -> Asked:
    checkpoint, recipe, parts = trained_recipe("diagnose", [target, *options], trust=trust)
    parts.data.prepare_data()
    parts.data.setup("validate")
    task = trained(checkpoint, recipe, parts.data)
    run, history = _logged(target, uri)
    name = target if run is None else run.name
    found = diagnosed(task, parts.data, meters, history=history, run=name, what=_what(task), say=say)
    return Asked(run, found, task.time_steps)


def _logged(target: str, uri: str | None) -> tuple[RunRow | None, History]:
    """The run, and what it has logged that meters read; nothing of a checkpoint named by its file."""
    if target.endswith(".ckpt") or Path(target).exists():
        return None, {}
    with open_to_read(uri) as (client, store):
        run = find_run(store, target)
        return run, {name: points(client, run.id, name) for name in LOGGED if name in run.metrics}


def _attach(asked: Asked, run: RunRow, paths: list[Path], *, uri: str | None) -> None:
    """Put files and metrics on the run's page; a metric that it logged itself at that step stays alone."""
    from mlflow.entities import Metric

    with open_to_read(uri) as (client, _):
        for path in paths:
            client.log_artifact(run.id, str(path), "diagnosis")
        now = run.ended_ms or run.started_ms
        metrics = [
            Metric(f"{name}/{key}", value, now, asked.time_steps)
            for name, reading in asked.diagnosis.readings.items()
            for key, value in reading.metrics.items()
            if f"{name}/{key}" not in run.metrics
        ]
        client.log_batch(run.id, metrics=metrics)


def _what(task: Any) -> str:
    core = type(task.network.core).__name__
    return f"{core}, {described(task.bptt, task.objective.way_back)}, after {task.time_steps:,} time steps"


def _chosen(names: str) -> list[Meter]:
    """The meters that are asked.

    Raises:
        BadInput: for a name that none has.
    """
    wanted = list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    try:
        kinds = [find_class(name, Meter) for name in wanted] or list(ALL)
    except BadInput as error:
        raise BadInput(f"--meters: {error}") from error
    return [kind() for kind in kinds]
