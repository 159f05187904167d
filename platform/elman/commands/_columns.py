"""The columns of `elman runs`, by name, how they are read, ordered and written."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from elman.tracking.metrics import high_is_good
from elman.tracking.runs import RunRow
from elman.tracking.tags import WHY_TAG

Read = Callable[[RunRow], Any]

COLUMNS: dict[str, Read] = {
    "run": lambda row: row.id,
    "experiment": lambda row: row.experiment_id,
    "name": lambda row: row.name,
    "state": lambda row: row.state,
    "recipe": lambda row: row.recipe,
    "study": lambda row: row.study,
    "trial": lambda row: row.trial,
    "strategy": lambda row: row.strategy,
    "k1": lambda row: row.k1,
    "k2": lambda row: row.k2,
    "depth": lambda row: row.depth,
    "metric": lambda row: row.metric,
    "best": lambda row: row.best,
    "steps": lambda row: row.time_steps,
    "seconds": lambda row: row.seconds,
    "why": lambda row: row.tags.get(WHY_TAG),
    "age": lambda row: time.time() - row.started_ms / 1000,
    "started": lambda row: datetime.fromtimestamp(row.started_ms / 1000, UTC).isoformat(timespec="seconds"),
}
RECORDED = ("params", "metrics", "tags")
LEFT_OUT = {
    "table": {"experiment", "study", "seconds", "why", "started"},
    "csv": {"age"},
    "jsonl": {"age"},
    "json": {"age"},
}
DROPPABLE = ("recipe", "age", "depth", "strategy", "name")  # where a terminal is narrow, the first first
RIGHT = ("trial", "k1", "k2", "depth", "best", "steps", "seconds", "age")
COSTLY = {"metric", "best"}  # need the whole history of a metric


def reader(column: str) -> Read:
    """What reads a column of a row."""
    if column in COLUMNS:
        return COLUMNS[column]
    kind, _, name = column.partition(".")
    return lambda row: getattr(row, kind).get(name)


def order(column: str, row: RunRow) -> tuple[Any, ...] | None:
    """What a row is sorted by: numbers as such, the best metric first; None: it has no value there."""
    value = reader(column)(row)
    if value is None or value == "":
        return None
    number = _number(value)
    if number is None:
        return (1, str(value))
    if column == "best":  # metrics cannot be compared with one another
        return (row.metric, -number if high_is_good(row.metric or "") else number)
    return (0, -number if column.startswith("metrics.") and high_is_good(column) else number)


def shown(column: str, value: Any) -> str:
    """A value as a table shows it."""
    if value is None:
        return ""
    if column == "age":
        return _age(value)
    if column == "seconds":
        return f"{value:,.0f}"
    if column == "steps":
        return f"{value:,}"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _age(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"
