"""Runs as `elman fit` and `elman search` record them, written by hand."""

from __future__ import annotations

from elman.search.results.review import Review, TrialRow
from elman.search.space.space import Dimension, Range
from elman.tracking.logger import RunLogger
from elman.tracking.opening import create_run

FIGURE = "val/nats_per_step"
RECIPE = """\
model:
  bptt: {{class_path: elman.bptt.Truncated, init_args: {{k1: {k1}, k2: 40}}}}
seed_everything: 1
"""
VERSIONS = {"elman.version.torch": "2.11.0", "elman.device.processor": "x86_64"}


def record(
    name,
    values=(),
    *,
    figure=FIGURE,
    status="FINISHED",
    k1=10,
    experiment="toys",
    tags=None,
    digest="d" * 40,
    params=None,
):
    """A run that had these values of its figure, a thousand time steps apart; its id."""
    logger = RunLogger(experiment=experiment, run_name=name, system_metrics=False, flush_seconds=0.01)
    logger.set_tags({"elman.recipe": "toys/echo", **VERSIONS, **(tags or {})})
    logger.log_text(RECIPE.format(k1=k1), "recipe.yaml")
    logger.log_text(RECIPE.format(k1=k1) + "# minimal\n", "recipe_minimal.yaml")
    logger.log_hyperparams({"strategy": "Truncated", "k1": k1, "k2": 40, "depth": 2, **(params or {})})
    logger.log_dataset("echo", "synthetic", digest)
    for i, value in enumerate(values):
        logger.log_metrics({figure: value, "val/accuracy": 1 - value / 10}, step=1000 * (i + 1))
    logger.close(status)
    return logger.version


def study(client, uri, *, experiment="toys", name="windows", values=((10, 2.0), (20, 1.5)), limit=None):
    """A study of complete trials, each (k1, its objective), and a pruned one; ids of it and of its trials."""
    opened = create_run(client, uri, experiment=experiment, name=name)
    client.set_tag(opened.id, "elman.study", name)
    client.set_tag(opened.id, "elman.study_id", opened.id)
    trials, ids = [], []
    for number, (k1, value) in enumerate([*values, (40, 3.0)]):
        state = "pruned" if number == len(values) else "complete"
        tags = {
            "mlflow.parentRunId": opened.id,
            "elman.study": name,
            "elman.trial": str(number),
            "elman.state": state,
        }
        ended = "KILLED" if state == "pruned" else "FINISHED"
        ids.append(
            record(
                f"trial {number}", [value + 1, value], status=ended, k1=k1, experiment=experiment, tags=tags
            )
        )
        trials.append(
            TrialRow(
                number=number,
                state=state,
                values={"k1": k1},
                objectives={FIGURE: value, "cost/seconds": 10.0 * number},
                constrained={"cost/peak_memory_mib": float(k1)},
                time_steps=2000,
                seconds=10.0,
                run_id=ids[-1],
            )
        )
    client.log_text(opened.id, review(name, trials, limit).to_json(), "study.json")
    client.log_text(opened.id, "# the best\n", "best.yaml")
    client.set_terminated(opened.id, "FINISHED")
    return opened.id, ids


def review(name, trials, limit=None, objectives=None):
    return Review(
        name=name,
        question="Which k1?",
        command=f"elman search {name}.yaml",
        experiment="toys",
        dimensions=(
            Dimension(target="model.bptt.k1", label="k1", values=Range(low=1, high=40, integer=True)),
        ),
        objectives=objectives or {FIGURE: "minimize"},
        constraints={} if limit is None else {"cost/peak_memory_mib": limit},
        trials=tuple(trials),
    )
