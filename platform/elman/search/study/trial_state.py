"""The state of a trial while it runs, as it is stored, and the row it makes of a review."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from statistics import mean
from typing import Any

from elman.search.results.review import TrialRow
from elman.search.space.definition import Search
from elman.search.study.kept_study import CONFIRMS, OWNER, RUN, SECONDS, SEED, TRIAL_STATE, WHY

STATES = {
    "COMPLETE": "complete",
    "PRUNED": "pruned",
    "FAIL": "failed",
    "RUNNING": "running",
    "WAITING": "waiting",
}
"""Our word for Optuna's."""
SMOOTHED = 3  # validations in a row


def merged(
    state: Mapping[str, Any],
    objectives: Mapping[str, str],
    metrics: Mapping[str, float],
    *,
    value: str = "best",
) -> dict[str, Any]:
    """The state of a trial, with the metrics of one more validation.

    `best` has the objectives at the validation that counts: of validation from that moment, of cost as they
    are now. `last` has all metrics of cost and of diagnostics. Values that are not finite are not taken.

    Args:
        value: which validation counts: that where the first objective was best, the last one, or that which
            ended the best three in a row by their mean, which is then the value (smoothed).
    """
    first, *_ = objectives
    sign = -1.0 if objectives[first] == "maximize" else 1.0
    finite = {name: value for name, value in metrics.items() if isfinite(value)}
    best, recent = dict(state.get("best", {})), list(state.get("recent", []))
    if value == "smoothed" and first in finite and not first.startswith("cost/"):
        recent = [*recent, finite[first]]
        finite = {**finite, first: mean(recent[-SMOOTHED:])}
    if first.startswith("cost/"):
        better = bool(metrics)
    else:
        early = value == "last" or (value == "smoothed" and len(recent) <= SMOOTHED)
        better = first in finite and (
            early or first not in best or sign * finite[first] <= sign * best[first]
        )
    for name in objectives:
        if name in finite and (better or name.startswith("cost/")):
            best[name] = finite[name]
    last = {name: value for name, value in finite.items() if not name.startswith("val/")}
    return {
        **state,
        "best": best,
        "last": {**state.get("last", {}), **last},
        "curve": dict(state.get("curve", {})),
        **({"recent": recent} if recent else {}),
    }


def row(trial: Any, search: Search) -> TrialRow:
    """A trial of Optuna as a plain value."""
    attributes = trial.user_attrs
    stored = attributes.get(TRIAL_STATE, {})
    last = stored.get("last", {})
    state: Any = STATES[trial.state.name]
    if state == "running" and attributes.get(OWNER) == "":  # released: it was stopped, and will go on
        state = "waiting"
    return TrialRow(
        number=trial.number,
        state=state,
        values=search.space.with_products(trial.params),
        objectives={k: v for k, v in stored.get("best", {}).items() if v is not None},
        constrained={name: last[name] for name in search.settings.constraints if name in last},
        costs=dict(last),
        curve={int(step): value for step, value in stored.get("curve", {}).items()},
        time_steps=stored.get("time_steps", 0),
        seconds=attributes.get(SECONDS),
        run_id=attributes.get(RUN),
        why=attributes.get(WHY, ""),
        seed=attributes.get(SEED),
        confirms=attributes.get(CONFIRMS),
    )
