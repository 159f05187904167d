"""What a run has come to, as rows for the terminal and for its page: the headline first."""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from typing import Any

ANSWERS = ("test/accuracy", "test/exact", "test/rmse")  # what a reader looks for first
ORDER = ("test/", "val/", "val_reset_", "cost/")
SMALL = 0.001


def result_rows(
    results: Mapping[str, float], *, monitor: str, best: float | None, others: Mapping[str, Any]
) -> dict[str, Any]:
    """All results by name: what answers the run's question, then the rest by stage.

    Args:
        results: the last metrics of validation, of cost, and of the test if there was one.
        monitor: the metric whose best value names the best checkpoint.
        best: that value; None: there is none.
        others: counts that belong to no stage; those that are zero are left out.
    """
    rows: dict[str, Any] = {name: results[name] for name in ANSWERS if name in results}
    if best is not None:
        if monitor == "val/nats_per_step" and "val/bits_per_step" in results:
            rows["best val/bits_per_step"] = best / log(2)
        rows[f"best {monitor}"] = best
    for name in sorted(results, key=_place):
        rows.setdefault(name, results[name])
    return rows | {name: value for name, value in others.items() if value}


def in_a_table(rows: Mapping[str, Any]) -> str:
    """A line for each row, names to the left, numbers to the right."""
    cells = {name: shown(value) for name, value in rows.items()}
    left, right = (max(map(len, column)) for column in (cells, cells.values()))
    return "\n".join(f"  {name:<{left}}  {value:>{right}}" for name, value in cells.items())


def shown(value: Any) -> str:
    """A number as a reader wants it: counts with commas, small ones by their digits, not as zero."""
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4f}" if abs(value) >= SMALL or not value else f"{value:.3g}"
    return str(value)


def _place(name: str) -> tuple[int, str]:
    stages = [number for number, stage in enumerate(ORDER) if name.startswith(stage)]
    return (stages[0] if stages else len(ORDER), name)
