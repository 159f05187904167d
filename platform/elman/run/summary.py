"""What is recorded and printed of a run when it starts and when it has ended well."""

from __future__ import annotations

import logging
import secrets
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.utilities import rank_zero_only

from elman.batch import SequenceBatch
from elman.cores.kernels import in_words, kernels_of, why_without
from elman.diagnostics import Diagnostic
from elman.predict.logged_model import log_streaming_model
from elman.printable import printable
from elman.recipes.arguments import rewrite
from elman.recipes.recipe import Recipe, strategy_settings
from elman.run.checkpoints import Checkpoints, read_checkpoint
from elman.run.results import ANSWERS, in_a_table, result_rows, shown
from elman.tasks import SequenceTask, by_hand
from elman.tasks.export import describe
from elman.tracking.logger import RunLogger
from elman.tracking.note import described, run_note, without_measurements
from elman.tracking.record import command_line, device_metadata, git_state, versions
from elman.tracking.tags import (
    BEST_CHECKPOINT_TAG,
    CHECKPOINTS_TAG,
    COMMAND_TAG,
    DEVICE_TAG,
    DIGEST_TAG,
    GRADIENT_TAG,
    GROUP_TAG,
    KERNEL_TAG,
    NORMALISER_TAG,
    RECIPE_TAG,
    VERSION_TAG,
)
from elman.tree import tree_map

log = logging.getLogger(__name__)

EXAMPLE_STEPS = 8


def first_tags(recipe: Recipe) -> dict[str, str]:
    """What a run can be found and resumed by."""
    return {
        DIGEST_TAG: recipe.digest,
        GROUP_TAG: recipe.group_digest,
        RECIPE_TAG: recipe.name,
        COMMAND_TAG: recipe.command or command(),
    }


def record_start(
    recipe: Recipe,
    logger: RunLogger,
    task: SequenceTask,
    data: Any,
    folder: Path,
    *,
    device: str,
    tags: Mapping[str, str],
) -> None:
    """All that is known before the first batch, in MLflow; the data and the network in the terminal too.

    Args:
        folder: of the run's checkpoints.
        device: the kind that trains.
        tags: further ones of the run.
    """
    about = data.description()
    strategy = strategy_settings(task.bptt)
    git, kernels = git_state(), in_words(kernels_of(task.network, device))
    gradients = by_hand.in_words(task, mixed="mixed" in str(recipe.config.trainer.precision))
    logger.set_tags(
        {
            **first_tags(recipe),
            CHECKPOINTS_TAG: str(folder),
            **({KERNEL_TAG: kernels} if kernels else {}),
            GRADIENT_TAG: gradients,
            **{f"{VERSION_TAG}{name}": version for name, version in versions().items()},
            **{f"{DEVICE_TAG}{name}": value for name, value in device_metadata().items()},
            **(git.tags() if git else {}),
            **tags,
        }
    )
    logger.log_text(recipe.resolved, "recipe.yaml")
    logger.log_text(recipe.minimal, "recipe_minimal.yaml")
    if git:
        logger.log_text(git.text(), "git_diff.txt")
    config = recipe.config.clone()
    config.pop("diagnostics")
    if not config.callbacks:
        config.pop("callbacks")
    logger.log_hyperparams(
        {
            **config.as_dict() | {"tracking": None, "config": None},
            "strategy": strategy["class"],
            **{k: strategy[k] for k in ("k1", "k2", "k", "window") if k in strategy},
            **({"k2/k1": f"{strategy['k2'] / strategy['k1']:g}"} if {"k1", "k2"} <= set(strategy) else {}),
            "depth": getattr(task.network.core, "layers", None),
            "parameters": sum(p.numel() for p in task.parameters()),
        }
    )
    logger.log_dataset(about["name"], about["source"], about["digest"], profile=about["metadata"])
    logger.set_note(_note(recipe, task, data, None))
    for line in data.summary() or [f"{about['name']} from {about['source']}: {_in_words(about['metadata'])}"]:
        say(line)
    settings = ", ".join(f"{k}={v}" for k, v in strategy.items() if k != "class")
    if why := why_without(task.network, device):
        kernels = f"{kernels} instead of native ({why})"
    say(
        f"{type(task.network.core).__name__} with {sum(p.numel() for p in task.parameters()):,} parameters, "
        f"{strategy['class']}({settings}){f', kernel {kernels}' if kernels else ''}, gradients by "
        f"{gradients}; run {logger.version}"
    )


def record_end(
    recipe: Recipe,
    logger: RunLogger,
    task: SequenceTask,
    data: Any,
    *,
    trainer: pl.Trainer,
    results: dict[str, float],
    example: SequenceBatch,
) -> None:
    """The results, in the note and in the terminal, and the best checkpoint as a model of MLflow.

    Args:
        trainer: its callbacks know the best checkpoint, and what there is to show.
        results: the last metrics of validation, and of the test if there was one.
        example: a batch, for the model's signature.
    """
    callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]
    checkpoints = next(c for c in callbacks if isinstance(c, Checkpoints))
    best = checkpoints.folder / "best.ckpt"
    if best.is_file():
        saved = read_checkpoint(best)
        _log_best_model(
            logger,
            builder="elman.tasks.export:build",
            description=describe(task.network, recipe.config.model.as_dict()),
            state_dict=saved["state_dict"],
            example_input=example.x[:1, :EXAMPLE_STEPS],
            example_context=tree_map(lambda leaf: leaf[:1], example.context),
            step=checkpoints.best_time_steps,
            metrics={checkpoints.monitor: checkpoints.best_value},
            about=_what_it_reads(task, data),
        )
        logger.set_tags({BEST_CHECKPOINT_TAG: str(best)})
    lacking = f"{checkpoints.not_finite} of {checkpoints.validations}" if checkpoints.not_finite else ""
    rows = result_rows(
        results,
        monitor=checkpoints.monitor,
        best=checkpoints.best_value if best.is_file() else None,
        others={
            "time steps": task.time_steps,
            "updates": task.updates.made,
            "updates skipped, no finite gradient": task.updates.skipped,
            f"validations without a finite {checkpoints.monitor}": lacking,
            "share of time waiting for data": task.training_metrics.waiting_share,
        },
    )
    logger.set_tags({NORMALISER_TAG: task.updates.normaliser})
    logger.set_note(_note(recipe, task, data, rows))
    say(in_a_table(rows))
    for callback in callbacks:
        if isinstance(callback, Diagnostic) and callback.closing:
            say(callback.closing)


def run_name(task: SequenceTask, data: Any) -> str:
    """Core, strategy and data, and a few characters that no other run has: lstm-truncated-text-3f2a9c."""
    parts = [type(task.network.core).__name__, type(task.bptt).__name__, data.description()["name"]]
    known = ["".join(c for c in part.lower() if c.isalnum() or c == "_") for part in parts]
    return "-".join([*filter(None, known), secrets.token_hex(3)])


def _what_it_reads(task: SequenceTask, data: Any) -> dict[str, Any]:
    """How the data comes, and the names of what is predicted, for those who use the model."""
    reader = data.reader(input_size=task.network.input_size, token_ids=task.network.token_ids)
    about: dict[str, Any] = {"reads": reader.unit, "outputs": list(reader.outputs)}
    if reader.scale is not None and reader.shift is not None:
        about |= {"scale": reader.scale.tolist(), "shift": reader.shift.tolist()}
    return about


def _log_best_model(logger: RunLogger, **model: Any) -> None:
    """A run that trained well has not failed if its model cannot be logged; its checkpoint is there."""
    try:
        log_streaming_model(logger, **model)
    except Exception as error:
        reason = str(error).split("\n", 1)[0]
        log.warning("the best checkpoint could not be logged as a model: %s", reason)


def _in_words(metadata: dict[str, Any]) -> str:
    """Counts before their names, "16 rows"; other values after; no count that is zero."""

    there = {name: value for name, value in metadata.items() if isinstance(value, float) or value}
    return ", ".join(
        f"{shown(value)} {name}" if isinstance(value, int) else f"{name} {shown(value)}"
        for name, value in there.items()
    )


def _note(recipe: Recipe, task: SequenceTask, data: Any, results: dict[str, Any] | None) -> str:
    config, about = recipe.config, data.description()

    def named(part: Any) -> str:
        return described(
            part.class_path, part.get("init_args", {}).as_dict() if part.get("init_args") else {}
        )

    budget = (
        f"{task.max_time_steps:,} time steps"
        if task.max_time_steps
        else f"{config.trainer.max_minutes} minutes"
    )
    best = {
        name: value for name, value in (results or {}).items() if name.startswith("best") or name in ANSWERS
    }
    # The first line, since MLflow hides all but a few until asked.
    answer = f"**{_in_words(best)}** with {_shape(task)}\n\n" if best else f"**{_shape(task)}**\n\n"
    return run_note(
        question=answer + without_measurements(recipe.question),
        command=recipe.command or command(),
        core=named(config.model.core),
        strategy=named(config.model.bptt),
        budget=budget,
        data={
            "name": about["name"],
            "source": about["source"],
            "digest": about["digest"],
            **about["metadata"],
        },
        found=data.summary(),
        results=results,
    )


def _shape(task: SequenceTask) -> str:
    """`Truncated k1=6 k2=12, 2 layers of GRU`"""
    strategy, core = strategy_settings(task.bptt), task.network.core
    windows = [f"{name}={strategy[name]}" for name in ("k1", "k2", "k", "window") if name in strategy]
    layers = getattr(core, "layers", None)
    depth = f"{layers} layer{'' if layers == 1 else 's'} of " if layers else ""
    return f"{' '.join([strategy['class'], *windows])}, {depth}{type(core).__name__}"


def command(*more: str, calls: str = "elman") -> str:
    """The command that started this run, without what resumed it, and with `more`.

    Args:
        calls: how elman is called.
    """
    program, *words = sys.argv
    rest = [word for word in rewrite(words[1:]) if word.partition("=")[0] != "--resume"]
    line = command_line([program, *words[:1], *(word.removeprefix("--config=") for word in rest), *more])
    return f"{calls}{line.removeprefix('elman')}" if line.startswith("elman ") else line


@contextmanager
def announced(what: str, *, after: float = 5.0) -> Iterator[None]:
    """Say what takes so long, where it takes more than `after` seconds."""
    timer = threading.Timer(after, say, [f"{what} ..."])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@rank_zero_only
def say(text: str) -> None:
    """Print, once for all processes."""
    print(printable(text, keep="\n\t"), flush=True)
