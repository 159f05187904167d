"""How much of its budget a run has trained, and going on with a larger one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from elman.errors import BadInput
from elman.recipes.strict_yaml import load_yaml
from elman.recipes.training import Training
from elman.tasks.schedule import Schedule
from elman.tracking.runs import RunRow

BUDGETS = ("max_time_steps", "max_epochs", "max_minutes")


class Spent(NamedTuple):
    """What a checkpoint's run had trained, over all its starts."""

    time_steps: int
    minutes: float

    def __str__(self) -> str:
        return f"{self.time_steps:,} time steps" + (
            f" in {self.minutes:.1f} minutes" if self.minutes >= 0.1 else ""
        )


def refuse_spent(run: RunRow, settings: Mapping[str, Any], checkpoint: Mapping[str, Any]) -> None:
    """Let a run go on that was stopped, or that has a larger budget than before.

    Args:
        settings: the trainer block it is to go on with.
        checkpoint: its newest.

    Raises:
        BadInput: if it has finished and its budget is no larger, or a changed budget is spent.
    """
    then, spent = _budget_then(checkpoint), _spent(checkpoint)
    changed = {name for name in BUDGETS if settings.get(name) != then.get(name)}
    larger = any(settings.get(name) is None or settings[name] > (then.get(name) or 0) for name in changed)
    if run.status == "FINISHED" and not larger:
        raise BadInput(
            f"run {run.id} ({run.name}) has finished, after {spent}; give a larger --trainer.max_time_steps "
            "or --trainer.max_minutes to train on, or leave out --resume for a new run"
        )
    for name, value in (("max_time_steps", spent.time_steps), ("max_minutes", spent.minutes)):
        if changed and settings.get(name) is not None and value >= settings[name]:
            raise BadInput(
                f"trainer.{name}={settings[name]} is spent: run {run.id} ({run.name}) has trained {spent}; "
                "give a larger one"
            )


def changed_schedule(schedule: Schedule, settings: Training, checkpoint: Mapping[str, Any]) -> str | None:
    """The line on a schedule that follows the budget, and now another one; None: it follows the same."""
    then = _budget_then(checkpoint)
    steps = [name for name in BUDGETS[:2] if getattr(settings, name) != then.get(name)]
    if not schedule.needs_budget or not steps:
        return None
    old, new = (
        " or ".join(f"{name}={values.get(name):,}" for name in BUDGETS[:2] if values.get(name) is not None)
        for values in (then, vars(settings))
    )
    name = type(schedule).__name__
    return f"model.schedule={name} now ends at trainer.{new}; what was trained followed trainer.{old}"


def _spent(checkpoint: Mapping[str, Any]) -> Spent:
    minutes = checkpoint.get("callbacks", {}).get("Budget", {}).get("minutes", 0.0)
    return Spent(checkpoint["elman"]["time_steps"], float(minutes))  # files of before count no minutes


def _budget_then(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    block = load_yaml(checkpoint["elman"]["recipe"], "the checkpoint's recipe").get("trainer")
    return dict(block) if isinstance(block, Mapping) else {}
