"""What can be wrong with a search, reported before its first trial: corners are built, metrics compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from elman.diagnostics.cost import COSTS
from elman.diagnostics.meter import Meter
from elman.errors import BadInput
from elman.recipes.recipe import Recipe, make_task, refuse_monitor, refuse_targets, validated_metrics
from elman.run.trainer import prepare_process
from elman.search.space.definition import Search
from elman.search.space.space import Values
from elman.tasks.chance import chance_levels, targets_of


@dataclass(frozen=True, kw_only=True)
class Trials:
    """What all trials of a search have in common.

    Args:
        max_time_steps: budget of one.
        val_every: time steps between its validations.
    """

    max_time_steps: int
    val_every: int


def common(search: Search) -> Trials:
    """The budget of a trial in time steps, where it is in epochs after the base recipe's data are read.

    Raises:
        BadInput: if the base recipe cannot run, or has no budget in time steps.
    """
    settings = search.base.config.trainer
    if settings.max_time_steps is None and settings.max_epochs is None:
        raise BadInput(
            "trials are compared at equal time steps: set trainer.max_time_steps in the base recipe "
            "or in 'fixed'"
        )
    if settings.max_time_steps is not None:
        budget = settings.max_time_steps
    else:
        budget = search.base.classes().trainer.budget(_data(search.base).steps_per_epoch)
    return Trials(max_time_steps=budget, val_every=settings.val_every or max(1, budget // 10))


class Measured(NamedTuple):
    """What is known of the data that all trials have in common.

    Args:
        chance: what has learned nothing reaches on the base recipe's validation, by metric.
        digest: of the data.
    """

    chance: dict[str, float]
    digest: str


def refuse_impossible(search: Search) -> Measured:
    """Build the base recipe and every corner of the space, without training them.

    Returns:
        Of the base recipe; empty where trials have data of their own.

    Raises:
        BadInput: for a metric that no run logs, and for values that no task takes.
    """
    parts = search.base.classes()
    prepare_process(parts.trainer)
    data = _data(search.base)
    batch = data.train_dataloader().batch(0)
    task = make_task(parts, data)
    refuse_targets(task, batch)
    refuse_monitor(parts.trainer.monitor, task, data, batch)
    measured = measured_metrics(search, task, data)
    _refuse_metrics(search, validated_metrics(task, data, batch), measured)
    for values in search.space.corners():
        _refuse_corner(search, values, data)
    if any(target == "data" or target.startswith("data.") for target in search.settings.space):
        return Measured({}, "")  # other data have another chance level
    targets = targets_of(data, outputs=task.network.output_size)
    return Measured(chance_levels(task.loss, targets, data), str(data.description()["digest"]))


def measured_metrics(search: Search, task: Any, data: Any) -> list[str]:
    """What the meters of the base recipe log, asked of an untrained network where the search needs to know.

    Raises:
        BadInput: if one cannot be asked.
    """
    named = {name.partition("/")[0] for name in (*search.settings.objectives, *search.settings.constraints)}
    found = []
    for meter in search.base.diagnostics() or []:
        if isinstance(meter, Meter) and meter.name in named:
            if missing := meter.missing(task, data):
                raise BadInput(f"diagnostics: {type(meter).__name__} needs {missing}")
            found += [f"{meter.name}/{name}" for name in meter.reading(task, data).metrics]
    return found


def _refuse_metrics(search: Search, validated: list[str], measured: list[str]) -> None:
    there = [*validated, *COSTS, *measured]
    for name in search.settings.objectives:
        if name not in there:
            raise BadInput(f"objectives: no run logs {name!r}; name one of {', '.join(there)}")
    for name in search.settings.constraints:
        if name not in (limited := [*COSTS, *measured]):
            raise BadInput(f"constraints: {name!r} is no cost; name one of {', '.join(limited)}")


def _refuse_corner(search: Search, values: Values, data: Any) -> None:
    try:
        parts = search.recipe(values).classes()
        if not any(target.startswith("data.") or target == "data" for target in search.settings.space):
            make_task(parts, data)
    except BadInput as error:
        given = ", ".join(f"{label}={value}" for label, value in search.space.with_products(values).items())
        raise BadInput(f"space: a trial with {given} could not run: {error}") from error


def _data(recipe: Recipe) -> Any:
    data = recipe.classes().data
    data.prepare_data()
    data.setup("fit")
    return data
