"""The runs of an experiment, in a table or in lines."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from elman.commands import note, print_json
from elman.commands._columns import (
    COLUMNS,
    COSTLY,
    DROPPABLE,
    LEFT_OUT,
    RECORDED,
    RIGHT,
    order,
    reader,
    shown,
)
from elman.commands._studies import STUDIES, review_of
from elman.commands._table import print_table
from elman.errors import BadInput
from elman.predict.lines import Lines, opened
from elman.tracking.find import mark_stale
from elman.tracking.metrics import BEST
from elman.tracking.reading import chosen_experiments, open_to_read
from elman.tracking.runs import STATES, RunRow, newest_rows, short_ids, under_their_studies, with_best
from elman.tracking.tags import WHY_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient

SHOWN_RUNS = 50
SHOWN_FAILURES = 3
OBJECTIVES = "objectives."  # how the parameters of a study begin that name them
CALLS_AT_ONCE = 8  # MLflow keeps ten connections


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What `elman runs` was asked for."""

    experiment: str | None
    everywhere: bool
    studies: bool
    wanted: str
    states: tuple[str, ...]
    sort: str
    most: int | None
    columns: tuple[str, ...]
    named: tuple[str, ...]
    form: str


def list_runs(asked: Asked, *, uri: str | None) -> None:
    """Print the runs that were asked for.

    Args:
        uri: of their store; None: as usual.
    """
    with open_to_read(uri) as (client, store):
        mark_stale(store)
        experiments = chosen_experiments(client, store, asked.experiment, everywhere=asked.everywhere)
        rows, more = _rows(client, store, list(experiments), asked)
        if not rows:
            if asked.form == "json":
                print_json([])
            note(f"no such run in {', '.join(map(repr, experiments.values()))}")
            return
        flat = asked.sort or asked.studies
        whole = asked.form == "table" and not asked.wanted and asked.states == STATES
        placed = [(0, row) for row in rows] if flat else under_their_studies(client, rows, add=whole)
        if (
            asked.sort.lstrip("-").startswith(("best", "metrics."))
            and len({r.data for r in rows if not r.is_study}) > 1
        ):
            note("these runs read unlike data, whose metrics do not compare; elman best keeps them apart")
        if COSTLY & set(asked.columns) and asked.sort.removeprefix("-") not in COSTLY:
            judged = _judged_rows(client, store, [row for _, row in placed])
            placed = [(depth, row) for (depth, _), row in zip(placed, judged, strict=True)]
        _print(placed, experiments, asked)
    if more:
        note(f"older ones are not shown; --limit={4 * len(rows)} shows more, --limit=0 all")


def asked_for(
    *,
    experiment: str | None,
    everywhere: bool,
    studies: bool,
    wanted: str,
    status: str,
    sort: str,
    most: int | None,
    columns: str,
    form: str,
) -> Asked:
    """What the options of `elman runs` ask for.

    Raises:
        BadInput: for a state or a column that there is not.
    """
    states = tuple(status.split(",")) if status else STATES
    for state in states:
        if state not in STATES:
            raise BadInput(f"--status must be of {', '.join(STATES)}, got {state!r}")
    left_out = LEFT_OUT[form] - ({"experiment"} if everywhere else set())
    chosen = tuple(columns.split(",")) if columns else tuple(c for c in COLUMNS if c not in left_out)
    for column in [*chosen, *([sort.removeprefix("-")] if sort else [])]:
        if column not in COLUMNS and not column.startswith(tuple(f"{kind}." for kind in RECORDED)):
            raise BadInput(
                f"there is no column {column!r}; there are {', '.join(COLUMNS)}, and "
                "params.NAME, metrics.NAME, tags.NAME for what was recorded"
            )
    if most is None:
        most = SHOWN_RUNS if form == "table" else 0
    return Asked(
        experiment=experiment,
        everywhere=everywhere,
        studies=studies,
        wanted=wanted,
        states=states,
        sort=sort,
        most=most or None,
        columns=chosen,
        named=chosen if columns else (),
        form=form,
    )


def _rows(
    client: MlflowClient, uri: str, experiments: Sequence[str], asked: Asked
) -> tuple[list[RunRow], bool]:
    """The runs that were asked for, in order, and whether there are more."""
    wanted = asked.wanted
    if asked.studies:
        wanted = " and ".join([*([wanted] if wanted else []), STUDIES])
    most = None if asked.sort or asked.studies else asked.most
    rows, more = newest_rows(client, experiments, wanted=wanted, states=asked.states, most=most)
    if asked.studies:
        rows = [row for row in rows if row.is_study]
    if asked.sort:
        rows = _sorted(client, uri, rows, asked.sort)
    if most is None and asked.most is not None:
        rows, more = rows[: asked.most], len(rows) > asked.most
    return rows, more


def _sorted(client: MlflowClient, uri: str, rows: Sequence[RunRow], sort: str) -> list[RunRow]:
    """By a column: of metrics the best first, else the smallest; `-` turns it round. Empty ones last."""
    name, turned = sort.removeprefix("-"), sort.startswith("-")
    if name in COSTLY:
        rows = _judged_rows(client, uri, rows)
    there = [row for row in rows if order(name, row) is not None]
    there.sort(key=lambda row: order(name, row) or (), reverse=turned)
    return [*there, *(row for row in rows if order(name, row) is None)]


def _judged_rows(client: MlflowClient, uri: str, rows: Sequence[RunRow]) -> list[RunRow]:
    """All rows with their best values; of a server several are asked for at once."""
    with ThreadPoolExecutor(CALLS_AT_ONCE if uri.startswith("http") else 1) as pool:
        return list(pool.map(lambda row: _judged(client, row), rows))


def _judged(client: MlflowClient, row: RunRow) -> RunRow:
    """The row with its best value; of a study: its best trial's."""
    if not row.is_study:
        return with_best(client, row)
    if (known := _recorded(row)) is not None:
        return known
    review = review_of(client, row)
    best = review.best() if review else None
    if review is None or best is None:
        return row
    metric = next(iter(review.objectives))
    steps = sum(trial.time_steps for trial in review.trials)
    return replace(row, metric=metric, best=best.objectives.get(metric), time_steps=steps)


def _recorded(row: RunRow) -> RunRow | None:
    """A study's row out of its own metrics; None: they do not say which of many objectives is the first."""
    objectives = [name for name in row.params if name.startswith(OBJECTIVES)]
    if len(objectives) != 1:
        return None
    metric = objectives[0].removeprefix(OBJECTIVES)
    best, steps = row.metrics.get(f"{BEST}{metric}"), row.metrics.get("cost/time_steps")
    if best is None or steps is None:
        return None
    return replace(row, metric=metric, best=best, time_steps=int(steps))


def _print(placed: Sequence[tuple[int, RunRow]], experiments: dict[str, str], asked: Asked) -> None:
    rows = [row for _, row in placed]
    readers = {column: reader(column) for column in asked.columns}
    if "experiment" in readers:
        readers["experiment"] = lambda row: experiments.get(row.experiment_id, row.experiment_id)
    if asked.form == "json":
        print_json([{column: read(row) for column, read in readers.items()} for row in rows])
        return
    if asked.form != "table":
        with opened("-") as file:
            lines = Lines(file, form=asked.form)
            for row in rows:
                lines.write({column: read(row) for column, read in readers.items()})
        return
    short = short_ids(rows)
    readers |= {"run": lambda row: short[row.id]} if "run" in readers else {}
    cells = [[shown(column, read(row)) for column, read in readers.items()] for row in rows]
    for (depth, _), line in zip(placed, cells, strict=True):
        line[0] = "  " * depth + line[0]
    header, monitored = list(asked.columns), {row.metric for row in rows if row.metric}
    if len(monitored) == 1 and {"metric", "best"} <= set(header):
        # One metric need not stand in every line.
        cells = [
            [cell for name, cell in zip(header, line, strict=True) if name != "metric"] for line in cells
        ]
        header.remove("metric")
        header[header.index("best")] = f"best {monitored.pop()}"
    numbers = [name for name in header if name in RIGHT or name.startswith(("metrics.", "best "))]
    dropped = print_table(
        header,
        cells,
        right=numbers,
        whole=[header[0], "state"],
        droppable=[name for name in DROPPABLE if name not in asked.named],
    )
    failed = [row for row in rows if row.state == "failed" and WHY_TAG in row.tags]
    for row in failed[:SHOWN_FAILURES]:
        note(f"{short[row.id]} failed: {' '.join(row.tags[WHY_TAG].split())}")
    if dropped:
        note(f"too narrow for {', '.join(dropped)}; --columns=... shows them")
