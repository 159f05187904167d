"""Runs of a store as rows: what they were, how they ended, what they reached."""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elman.errors import BadInput
from elman.tracking.difference import data_of
from elman.tracking.lock import is_held
from elman.tracking.metrics import BEST, best_value, monitored
from elman.tracking.process import is_alive
from elman.tracking.tags import (
    CHECKPOINTS_TAG,
    LAST_STEP_TAG,
    PARENT_TAG,
    PROCESS_TAG,
    RECIPE_TAG,
    STATE_TAG,
    STUDY_TAG,
    TRIAL_TAG,
    VARIES_TAG,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

STATES = ("waiting", "running", "finished", "killed", "failed", "complete", "pruned")
PAGE_RUNS = 1000
DATA_PARAMS = ("data.", "model.loss.")
UNMEASURED = frozenset(
    {"path", "batch_size", "batching", "val_batch_size", "workers", "cache", "index", "label_smoothing"}
)
"""Arguments of data and loss that change no metric of validation: what a path names has a digest."""


@dataclass(frozen=True, kw_only=True)
class RunRow:
    """One run.

    Args:
        status: in MLflow's words, RUNNING.
        state: one of `STATES`; of a trial that has ended, in the words of its study.
        study: name of the study that it is, or is a trial of.
        trial: its number in the study; None: it is no trial.
        metric, best: what is monitored and its best value, once `with_best` has asked.
        time_steps: seen in training, as far as the store has them.
        alive: whether the process that writes it still runs: it does where it holds the run's folder, if that
            can be reached; None: it is on another host, or unknown.
        checkpoints: their folder, on the machine that trained.
        data: what its metrics are of: digests of what it read, how that is divided and read, and how the loss
            weighs it. Metrics of runs in which this differs cannot be compared.
    """

    id: str
    name: str
    experiment_id: str
    status: str
    state: str
    started_ms: int
    ended_ms: int | None = None
    parent: str | None = None
    recipe: str = ""
    study: str = ""
    trial: int | None = None
    strategy: str = ""
    k1: int | None = None
    k2: int | None = None
    depth: int | None = None
    metric: str | None = None
    best: float | None = None
    time_steps: int | None = None
    alive: bool | None = None
    checkpoints: str | None = None
    data: tuple[tuple[str, str], ...] = ()
    params: dict[str, str] = field(default_factory=dict, repr=False)
    metrics: dict[str, float] = field(default_factory=dict, repr=False)
    tags: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def is_study(self) -> bool:
        return bool(self.study) and self.trial is None

    @property
    def is_group(self) -> bool:
        """Whether it stands for several runs of one recipe, its members."""
        return VARIES_TAG in self.tags

    @property
    def seconds(self) -> float | None:
        """From its first start to its end, pauses included."""
        return None if self.ended_ms is None else (self.ended_ms - self.started_ms) / 1000


def row_of(run: Any) -> RunRow:
    """The row of a run of MLflow."""
    params, tags = dict(run.data.params), dict(run.data.tags)
    state = "waiting" if run.info.status == "SCHEDULED" else str(run.info.status).lower()
    if state not in ("running", "waiting") and tags.get(STATE_TAG) in STATES:
        state = tags[STATE_TAG]
    return RunRow(
        id=run.info.run_id,
        name=run.info.run_name or "",
        experiment_id=str(run.info.experiment_id),
        status=str(run.info.status),
        state=state,
        started_ms=run.info.start_time or 0,
        ended_ms=run.info.end_time,
        parent=tags.get(PARENT_TAG),
        recipe=tags.get(RECIPE_TAG, ""),
        study=tags.get(STUDY_TAG, ""),
        trial=whole(tags.get(TRIAL_TAG)),
        strategy=params.get("strategy", ""),
        k1=whole(params.get("k1", params.get("k"))),
        k2=whole(params.get("k2")),
        depth=whole(params.get("depth")),
        time_steps=whole(tags.get(LAST_STEP_TAG)),
        alive=_is_written(str(run.info.status), tags),
        checkpoints=tags.get(CHECKPOINTS_TAG),
        data=_data_of(run, params),
        params=params,
        metrics=dict(run.data.metrics),
        tags=tags,
    )


def _is_written(status: str, tags: Mapping[str, str]) -> bool | None:
    folder = tags.get(CHECKPOINTS_TAG)
    if status == "RUNNING" and folder and is_held(Path(folder)):
        return True
    return is_alive(tags.get(PROCESS_TAG))


def _data_of(run: Any, params: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    given = {
        name: value
        for name, value in params.items()
        if name.startswith(DATA_PARAMS) and not UNMEASURED & set(name.split("."))
    }
    return tuple(sorted({**given, **data_of(getattr(run, "inputs", None))}.items()))


def search_runs(
    client: MlflowClient,
    experiments: Sequence[str],
    wanted: str = "",
    *,
    deleted: bool = False,
    page: int = PAGE_RUNS,
) -> Iterator[RunRow]:
    """The runs of experiments, newest first.

    Args:
        experiments: their ids.
        wanted: in MLflow's filter language.
        deleted: those that were marked as deleted, instead of the others.
        page: runs asked for at once.

    Cost: about 1 ms a run with 60 parameters, in SQLite.
    """
    from mlflow.entities import ViewType

    view = ViewType.DELETED_ONLY if deleted else ViewType.ACTIVE_ONLY
    token = None
    while experiments:
        with _no_garbage_sought():
            found = client.search_runs(
                list(experiments), wanted, view, page, ["attributes.start_time DESC"], token
            )
            rows = list(map(row_of, found))
        yield from rows
        token = found.token
        if not token:
            return


@contextmanager
def _no_garbage_sought() -> Iterator[None]:
    """Python looks through all objects ever more often while they are made, and a page makes 100,000.

    It frees none of them, and takes two thirds of the time.
    """
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


def newest_run(client: MlflowClient, experiments: Sequence[str]) -> RunRow | None:
    """None: they hold no run."""
    return next(search_runs(client, experiments, page=1), None)


def newest_rows(
    client: MlflowClient,
    experiments: Sequence[str],
    *,
    wanted: str = "",
    states: Collection[str] = STATES,
    most: int | None = None,
) -> tuple[list[RunRow], bool]:
    """Runs, newest first, at most `most` of them, and whether there are more; arguments as of `search_runs`.

    Args:
        states: of `STATES`.
    """
    page = PAGE_RUNS if most is None else min(PAGE_RUNS, most + 1)
    found = (row for row in search_runs(client, experiments, wanted, page=page) if row.state in states)
    rows = list(islice(found, None if most is None else most + 1))
    return rows[:most], most is not None and len(rows) > most


def quoted(text: str) -> str:
    """A value in MLflow's filter language, which has two kinds of quotes and no escape."""
    if "'" in text and '"' in text:
        raise BadInput(
            f"{text!r} holds both kinds of quotes, which MLflow cannot search for; use the run's id"
        )
    return f'"{text}"' if "'" in text else f"'{text}'"


def present_run(client: MlflowClient, run_id: str) -> RunRow | None:
    """The run of an id; None: the store has none, or has marked it as deleted."""
    from mlflow.exceptions import MlflowException

    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise
    return None if run.info.lifecycle_stage == "deleted" else row_of(run)


def with_best(client: MlflowClient, row: RunRow, metric: str | None = None) -> RunRow:
    """The row with the best value of what the run monitored, or of `metric`.

    Cost: nothing where the run has recorded it, as it does of what it monitors; else the metric's history.
    """
    if row.is_group:
        return _with_mean(row, metric)
    asked = metric or monitored(row.params, row.metrics)
    if asked is None or asked not in row.metrics:
        return row
    known = row.metrics.get(f"{BEST}{asked}")
    if known is not None:
        return replace(row, metric=asked, best=known)
    found = best_value(client, row.id, asked)
    return row if found is None else replace(row, metric=asked, best=found[0])


def _with_mean(row: RunRow, metric: str | None) -> RunRow:
    """The row of a group with the mean of its runs' best values."""
    means = {name.removeprefix("best/"): v for name, v in row.metrics.items() if name.startswith("best/")}
    asked = metric or next(iter(means), None)
    return row if asked not in means else replace(row, metric=asked, best=means[asked])


def under_their_studies(
    client: MlflowClient, rows: Sequence[RunRow], *, add: bool
) -> list[tuple[int, RunRow]]:
    """(depth, row) with each trial below its study, newest first.

    Args:
        add: studies that are missing.
    """
    found = {row.id: row for row in rows}
    for parent in sorted({row.parent for row in rows if row.parent} - set(found)) if add else ():
        if (study := present_run(client, parent)) is not None:
            found[parent] = study
    below: dict[str, list[RunRow]] = {}
    for row in sorted(found.values(), key=lambda r: r.started_ms, reverse=True):
        below.setdefault(row.parent if row.parent in found else "", []).append(row)
    ordered: list[tuple[int, RunRow]] = []

    def place(row: RunRow, depth: int) -> None:
        ordered.append((depth, row))
        for child in below.pop(row.id, []):
            place(child, depth + 1)

    def newest(row: RunRow) -> int:
        return max([row.started_ms, *(child.started_ms for child in below.get(row.id, []))])

    for row in sorted(below.pop("", []), key=newest, reverse=True):
        place(row, 0)
    return ordered


def short_ids(rows: Sequence[RunRow], least: int = 8) -> dict[str, str]:
    """The beginnings of the ids, by id: long enough to tell these runs apart."""
    ids = {row.id for row in rows}
    size = next(n for n in range(least, 33) if n == 32 or len({i[:n] for i in ids}) == len(ids))
    return {each: each[:size] for each in ids}


def whole(text: str | None) -> int | None:
    """The number that a tag or a parameter holds; None: it holds none, whoever wrote it."""
    try:
        return int(text or "")
    except ValueError:
        return None
