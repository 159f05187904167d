"""What is seen of a trial while it runs, and the row it makes of a review."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from elman.search.results.review import TrialRow
from elman.search.space.definition import Search

SEEN, RUN, WHY, SPENT = "elman:seen", "elman:run", "elman:why", "elman:seconds"
OWNER = "elman:owner"  # the process that runs a trial; empty: none, and any may go on with it
STATES = {
    "COMPLETE": "complete",
    "PRUNED": "pruned",
    "FAIL": "failed",
    "RUNNING": "running",
    "WAITING": "waiting",
}
"""Our word for Optuna's."""


def merged(
    seen: Mapping[str, Any], objectives: Mapping[str, str], figures: Mapping[str, float]
) -> dict[str, Any]:
    """What was seen of a trial, with the figures of one more validation.

    `best` has the objectives at the validation where the first one was best: of validation from that moment,
    of cost as they are now. `last` has all figures of cost. Figures that are not finite are not taken.
    """
    first, *_ = objectives
    sign = -1.0 if objectives[first] == "maximize" else 1.0
    best = dict(seen.get("best", {}))
    value = figures.get(first, float("nan"))
    if first.startswith("cost/"):
        better = bool(figures)
    else:
        better = isfinite(value) and (first not in best or sign * value <= sign * best[first])
    for name in objectives:
        if name in figures and isfinite(figures[name]) and (better or name.startswith("cost/")):
            best[name] = figures[name]
    last = {k: v for k, v in figures.items() if k.startswith("cost/") and isfinite(v)}
    return {
        **seen,
        "best": best,
        "last": {**seen.get("last", {}), **last},
        "curve": dict(seen.get("curve", {})),
    }


def row(trial: Any, search: Search) -> TrialRow:
    """A trial of Optuna as a plain value."""
    attrs = trial.user_attrs
    seen = attrs.get(SEEN, {})
    state: Any = STATES[trial.state.name]
    if state == "running" and attrs.get(OWNER) == "":  # given back: it was stopped, and will go on
        state = "waiting"
    return TrialRow(
        number=trial.number,
        state=state,
        values=search.space.shown(trial.params),
        objectives={k: v for k, v in seen.get("best", {}).items() if v is not None},
        constrained={
            name: seen["last"][name] for name in search.settings.constraints if name in seen.get("last", {})
        },
        costs=dict(seen.get("last", {})),
        curve={int(step): value for step, value in seen.get("curve", {}).items()},
        time_steps=seen.get("time_steps", 0),
        seconds=attrs.get(SPENT),
        run_id=attrs.get(RUN),
        why=attrs.get(WHY, ""),
    )
