"""Studies of thousands of trials in a store of MLflow, made without training.

One run is written as a search writes it; the others are copies of its rows with values of their own, so that
a store of any size takes seconds and the schema need not be known here.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any

from study_toys import LOSS, realistic

from elman.search.results.format import trial_name
from elman.search.results.review import Review, TrialRow
from elman.tracking.runs import present_run
from elman.tracking.study_run import StudyRun
from elman.tracking.writer import RunWriter

STATUS = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}
PARAMETERS = 60  # of a recipe
FIRST_MS = 1_700_000_000_000


def large(trials: int, *, several: bool = False) -> Review:
    """A study that has ended, whose runs have ids as MLflow gives them."""
    study = realistic(trials, several=several, running=False)
    rows = (replace(t, run_id=hashlib.md5(str(t.number).encode()).hexdigest()) for t in study.trials)
    return replace(study, trials=tuple(rows))


def write_store(folder: Path, review: Review, *, nested: bool = True) -> str:
    """A store with the study's run and one for each trial that has ended; its address.

    Args:
        folder: where `mlflow.db` goes; it may be there, without runs.
        nested: the runs belong to a study; else they are runs of their own, each by another seed.
    """
    uri = f"sqlite:///{folder}/mlflow.db"
    runs = StudyRun(uri, experiment=review.experiment, name=review.name)
    runs.open(None, study_id="1", recipe="search.yaml")
    if nested:
        for number, trial in enumerate(review.trials):
            runs.metrics({f"best/{LOSS}": trial.objectives.get(LOSS, 9.0)}, step=number)
        runs.run.text(review.to_json(), "study.json")
    first = runs.trial(0, params={})
    row = present_run(runs.client, first)
    assert row is not None, "it was just made"
    recipe = {f"model.part{n}.argument": str(n) for n in range(PARAMETERS)}
    RunWriter(runs.client, row).params({**recipe, "trainer.monitor": LOSS})
    runs.end("FINISHED")
    with closing(sqlite3.connect(folder / "mlflow.db")) as database:
        database.row_factory = sqlite3.Row
        _copies(database, first, [t for t in review.trials if t.state in STATUS], review, nested)
        for table in ("tags", "params", "latest_metrics", "metrics", "runs"):
            database.execute(f"DELETE FROM {table} WHERE run_uuid = ?", (first,))
        if not nested:
            database.execute("UPDATE runs SET lifecycle_stage = 'deleted' WHERE run_uuid = ?", (runs.id,))
        database.commit()
    return uri


def _copies(
    database: sqlite3.Connection, first: str, trials: list[TrialRow], review: Review, nested: bool
) -> None:
    def rows(table: str) -> list[dict[str, Any]]:
        return [dict(r) for r in database.execute(f"SELECT * FROM {table} WHERE run_uuid = ?", (first,))]

    (run,), params, tags = rows("runs"), rows("params"), rows("tags")
    if not nested:
        tags = [tag for tag in tags if tag["key"] not in ("mlflow.parentRunId", "elman.study", "elman.trial")]
    metric = {"is_nan": 0, "timestamp": FIRST_MS}

    def each(make: Callable[[TrialRow], Iterable[dict[str, Any]]]) -> list[dict[str, Any]]:
        return [{**new, "run_uuid": _id(trial)} for trial in trials for new in make(trial)]

    def run_of(trial: TrialRow) -> Iterable[dict[str, Any]]:
        began = FIRST_MS + trial.number * 1000
        yield {
            **run,
            "name": trial_name(trial.number, trial.values),
            "status": STATUS[trial.state],
            "start_time": began,
            "end_time": began + int(1000 * (trial.seconds or 0)),
            "artifact_uri": run["artifact_uri"].replace(first, _id(trial)),
        }

    def params_of(trial: TrialRow) -> Iterable[dict[str, Any]]:
        yield from params
        for key, value in {"trial": trial.number, **trial.values}.items():
            yield {"key": key, "value": str(value)}

    def tags_of(trial: TrialRow) -> Iterable[dict[str, Any]]:
        own = {"elman.state": trial.state, "elman.last_step": str(trial.time_steps)}
        own |= {"elman.trial": str(trial.number)} if nested else {}
        own["mlflow.runName"] = trial_name(trial.number, trial.values)
        yield from (tag for tag in tags if tag["key"] not in own)
        yield from ({"key": key, "value": value} for key, value in own.items())

    def last_of(trial: TrialRow) -> Iterable[dict[str, Any]]:
        found = dict(trial.costs)
        if trial.curve:
            found[LOSS] = list(trial.curve.values())[-1]
        values = {name: v for name, v in trial.objectives.items() if isfinite(v)}
        found |= {f"value/{name}": value for name, value in values.items()} if nested else {}
        found |= {f"best/{LOSS}": values[LOSS]} if LOSS in values else {}
        for key, value in found.items():
            yield {**metric, "key": key, "value": value, "step": trial.time_steps}

    def metrics_of(trial: TrialRow) -> Iterable[dict[str, Any]]:
        yield from (point for point in last_of(trial) if point["key"] != LOSS)
        for step, value in trial.curve.items():
            yield {**metric, "key": LOSS, "value": value, "step": step}

    makers = (("runs", run_of), ("params", params_of), ("tags", tags_of))
    for table, make in (*makers, ("latest_metrics", last_of), ("metrics", metrics_of)):
        found = each(make)
        names = list(found[0])
        places = ", ".join("?" * len(names))
        asked = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"
        database.executemany(asked, ([row[name] for name in names] for row in found))


def _id(trial: TrialRow) -> str:
    return str(trial.run_id)
