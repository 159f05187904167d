"""The runs of recipes as what a comparison is made of: the value of each, its speed and its curve."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING

from elman.comparing.arms import Source, has_ended
from elman.comparing.fairness import metric_of, names_of, refuse_unlike, what_differs
from elman.comparing.verdict import Arm, Comparison, Outcome, compare
from elman.errors import BadInput
from elman.groups.results import best_of, has_diverged
from elman.tracking.floor import floors_of, learned
from elman.tracking.metrics import monitored, points
from elman.tracking.runs import RunRow, whole

if TYPE_CHECKING:
    from mlflow import MlflowClient

SPEED = "cost/ms_per_step"


def comparison(
    client: MlflowClient, found: Sequence[Source], *, metric: str | None, value: str, force: bool
) -> Comparison:
    """Recipes compared by their runs.

    Args:
        found: at least two.
        metric: None: what they monitor.
        value: best or last.
        force: also where figures mean different things.

    Raises:
        BadInput: if they do not, or none of the runs of one has ended.
    """
    notes = refuse_unlike(found, force=force)
    chosen = metric_of(found, metric, force=force)
    names = names_of(found)
    arms = [_arm(client, each, name, chosen, value) for each, name in zip(found, names, strict=True)]
    for arm, source in zip(arms, found, strict=True):
        if not arm.outcomes:
            raise BadInput(
                f"{source.word}: none of its {len(source.rows)} runs has ended; wait, or go on with them"
            )
    floor = next((f[chosen] for each in found if chosen in (f := floors_of(each.first.tags))), None)
    return compare(arms, metric=chosen, value=value, floor=floor, notes=[*notes, *_notes(found, names)])


def _arm(client: MlflowClient, source: Source, name: str, metric: str, value: str) -> Arm:
    ended = {which: row for which, row in source.rows.items() if has_ended(row)}
    outcomes = {which: _outcome(client, row, metric, value) for which, row in ended.items()}
    parameters = whole(source.first.params.get("parameters"))
    return Arm(name=name, outcomes=outcomes, unfinished=len(source.rows) - len(ended), parameters=parameters)


def _outcome(client: MlflowClient, row: RunRow, metric: str, value: str) -> Outcome:
    curve = points(client, row.id, metric) if metric in row.metrics else []
    best = best_of(curve, metric)
    last = row.metrics.get(metric)
    chosen = (best[0] if best else None) if value == "best" else last
    speed = row.metrics.get(SPEED)
    return Outcome(
        run=row.id,
        value=chosen if chosen is not None and isfinite(chosen) and not has_diverged(row) else None,
        learned=False if has_diverged(row) else _learned(client, row, metric, best),
        ms_per_step=speed if speed and isfinite(speed) else None,
        curve=curve,
    )


def _learned(client: MlflowClient, row: RunRow, metric: str, best: tuple[float, int] | None) -> bool | None:
    """By what the run monitored, or else by any metric that has a floor."""
    floors, own = floors_of(row.tags), monitored(row.params, row.metrics)
    known = {} if best is None else {metric: best[0]}
    for name in (own, *floors):
        if name is not None and name in row.metrics and name not in known:
            found = best_of(points(client, row.id, name), name)
            known |= {} if found is None else {name: found[0]}
    return learned(known, floors, metric=own)


def _notes(found: Sequence[Source], names: Sequence[str]) -> list[str]:
    """What a reader has to know."""
    lines = [
        f"{name}: {source.word}, {len(source.rows)} runs" for name, source in zip(names, found, strict=True)
    ]
    differing = what_differs(found)
    lines += [f"differs: {line}" for line in differing] or ["the recipes are the same"]
    machines = {source.first.tags.get("elman.device.processor", "") for source in found}
    if len(machines) > 1:
        lines.append("they ran on unlike machines, so that their speeds do not compare")
    return lines
