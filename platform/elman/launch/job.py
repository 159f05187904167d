"""One run from a recipe: data, task, tracking, training, and what is recorded at its end."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities import rank_zero_only

from elman.diagnostics.credit import credit_figure
from elman.errors import BadInput
from elman.launch.checkpoints import Checkpoints, newest, read_checkpoint
from elman.launch.recipes import Recipe, make_task, strategy_settings
from elman.launch.sampling import sample_text
from elman.launch.stop import Stopped
from elman.launch.trainer import make_trainer, prepare_process
from elman.tasks import SequenceTask
from elman.tasks.export import describe
from elman.tracking.find import CHECKPOINTS_TAG, DIGEST_TAG, find_run, unfinished
from elman.tracking.logger import RunLogger
from elman.tracking.model import log_streaming_model
from elman.tracking.note import described, run_note
from elman.tracking.record import command_line, device_facts, git_state, versions
from elman.tracking.store import resolve_uri
from elman.tracking.ui import dashboard_line

RUN_VARIABLE = "ELMAN_RUN"
RESUME_VARIABLE = "ELMAN_RESUME"
CREDIT_STEPS = 200  # a larger picture shows no more


def fit(recipe: Recipe, *, resume: str | None = None) -> int:
    """Train, tracked, from the beginning or from a run's newest checkpoint.

    Args:
        resume: a run's id or name; "": the only unfinished run of this recipe; None: a new run.

    Returns:
        The exit code: 0 done, 130 or 143 stopped by Ctrl-C or SIGTERM.
    """
    parts = recipe.classes()
    prepare_process(parts.trainer)
    pl.seed_everything(recipe.config.seed_everything, verbose=False)
    tracking = dict(vars(parts.tracking))
    run_id, checkpoint = _resumed(recipe, tracking, resume)
    saved = None if checkpoint is None else read_checkpoint(checkpoint)
    data = parts.data
    if saved is not None:
        data.load_state_dict(saved.get(type(data).__qualname__, {}))
    data.prepare_data()
    data.setup("fit")
    task = make_task(parts, data)
    task.recipe = recipe.resolved
    task.max_time_steps = parts.trainer.budget(data.steps_per_pass)
    if task.updates.schedule.needs_budget and task.max_time_steps is None:
        raise BadInput(
            f"model.schedule={type(task.updates.schedule).__name__} falls over the run's time steps; "
            "set trainer.max_time_steps or trainer.max_passes"
        )
    monitor = f"val/{task.loss.monitored}"
    logger = RunLogger(**tracking, run_id=run_id)
    first = data.train_dataloader().batch(0)
    folder = Path(parts.trainer.checkpoints).absolute()
    _check_writable(folder)
    if rank_zero_only.rank == 0:
        logger.start()
        os.environ[RUN_VARIABLE] = str(logger.version)  # for the other processes of this run
        os.environ[RESUME_VARIABLE] = str(checkpoint or "")
    folder = folder / os.environ[RUN_VARIABLE]
    trainer = make_trainer(
        parts.trainer,
        folder=folder,
        monitor=monitor,
        steps_per_batch=int(first.lengths.sum()),
        max_time_steps=task.max_time_steps,
        logger=logger,
        callbacks=[Samples(data)] if hasattr(data, "alphabet") else [],
    )
    if rank_zero_only.rank == 0:
        _record_start(recipe, logger, task, data, folder)
    try:
        trainer.fit(task, datamodule=data, ckpt_path=checkpoint, weights_only=True)
        if rank_zero_only.rank == 0:
            _record_end(recipe, logger, task, data, trainer, folder, first.x[:1, :8])
        logger.close("FINISHED")
    except Stopped as stopped:
        logger.close("KILLED")
        _say(f"stopped at {task.time_steps:,} time steps; go on with: {_resume_line(str(logger.version))}")
        return 128 + stopped.number
    except BaseException:
        logger.close()
        raise
    _say(dashboard_line(tracking["tracking_uri"], tracking["experiment"]))
    return 0


class Samples(pl.Callback):
    """After every validation, a text the network writes; the last one is printed at the end."""

    def __init__(self, data: Any, *, count: int = 300) -> None:
        self.data, self.count, self.text = data, count, ""

    def on_validation_end(self, trainer: pl.Trainer, task: Any) -> None:
        if trainer.is_global_zero and task.inputs == task.outputs and task.symbols:
            self.text = sample_text(task, self.data.alphabet, count=self.count)
            if isinstance(trainer.logger, RunLogger):
                trainer.logger.log_text(self.text, f"samples/{task.time_steps:014d}.txt")


def _resumed(recipe: Recipe, tracking: dict[str, Any], resume: str | None) -> tuple[str | None, Path | None]:
    """The run to go on with and its checkpoint."""
    if rank_zero_only.rank != 0:  # rank 0 has decided
        saved = os.environ.get(RESUME_VARIABLE)
        return os.environ.get(RUN_VARIABLE), Path(saved) if saved else None
    if resume is None:
        return None, None
    uri = resolve_uri(tracking["tracking_uri"])
    if resume:
        run = find_run(uri, resume)
        if run.tags.get(DIGEST_TAG) != recipe.digest:
            raise BadInput(
                f"run {run.id} ({run.name}) was started with other values than this recipe resolves to; give "
                "the recipe and options it was started with (its artifact recipe.yaml), or start a new run"
            )
        if run.status == "FINISHED":
            raise BadInput(f"run {run.id} ({run.name}) has finished; start a new run, or raise its budget in a new one")
    else:
        found = unfinished(uri, tracking["experiment"], recipe.digest)
        if not found:
            raise BadInput(
                f"no unfinished run of this recipe with these values is in experiment {tracking['experiment']!r}; "
                "start it without --resume, or name the run"
            )
        if len(found) > 1:
            listed = ", ".join(f"{r.id} ({r.name}, {r.status})" for r in found)
            raise BadInput(f"{len(found)} unfinished runs of this recipe: {listed}; name one: --resume RUN")
        run = found[0]
    if run.alive:
        raise BadInput(f"run {run.id} ({run.name}) is still being written by {run.tags.get('elman.process', 'a process')}")
    if run.checkpoints is None:
        raise BadInput(f"run {run.id} ({run.name}) says nothing of checkpoints; start the recipe anew")
    return run.id, newest(Path(run.checkpoints))


def _check_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise BadInput(f"trainer.checkpoints={folder} cannot be written ({error.strerror}); name another folder") from error


def _record_start(recipe: Recipe, logger: RunLogger, task: SequenceTask, data: Any, folder: Path) -> None:
    about = data.description()
    strategy = strategy_settings(task.bptt)
    git = git_state()
    logger.set_tags(
        {
            DIGEST_TAG: recipe.digest,
            CHECKPOINTS_TAG: str(folder),
            "elman.recipe": recipe.name,
            "elman.command": command_line(),
            **{f"elman.version.{name}": version for name, version in versions().items()},
            **{f"elman.device.{name}": fact for name, fact in device_facts().items()},
            **(git.tags() if git else {}),
        }
    )
    logger.log_text(recipe.resolved, "recipe.yaml")
    logger.log_text(recipe.minimal, "recipe_minimal.yaml")
    if git:
        logger.log_text(git.text(), "git_diff.txt")
    logger.log_hyperparams(
        {
            **recipe.config.clone().as_dict() | {"tracking": None, "config": None},
            "strategy": strategy["class"],
            **{k: strategy[k] for k in ("k1", "k2", "k", "window") if k in strategy},
            "depth": getattr(task.core, "layers", None),
            "parameters": sum(p.numel() for p in task.parameters()),
        }
    )
    logger.log_dataset(about["name"], about["source"], about["digest"], profile=about["facts"])
    steps = min(CREDIT_STEPS, data.train_dataloader().batch(0).steps)
    logger.log_figure(credit_figure(task.bptt, steps), "credit.png")
    logger.set_note(_note(recipe, task, about, None))
    facts = ", ".join(f"{k} {v:,}" if isinstance(v, int) else f"{k} {v}" for k, v in about["facts"].items())
    _say(f"data: {about['name']} from {about['source']}: {facts}")
    settings = ", ".join(f"{k}={v}" for k, v in strategy.items() if k != "class")
    _say(
        f"{type(task.core).__name__} with {sum(p.numel() for p in task.parameters()):,} parameters, "
        f"{strategy['class']}({settings}); run {logger.version}"
    )


def _record_end(
    recipe: Recipe, logger: RunLogger, task: SequenceTask, data: Any, trainer: pl.Trainer, folder: Path, example: Any
) -> None:
    checkpoints = next(c for c in trainer.callbacks if isinstance(c, Checkpoints))
    results = {
        name: float(value) for name, value in sorted(trainer.callback_metrics.items()) if name.startswith("val")
    }
    summary = {"time steps": task.time_steps, "updates": task.updates.made, **results}
    best = folder / "best.ckpt"
    if best.is_file():
        summary[f"best {checkpoints.monitor}"] = checkpoints.best_value
        saved = read_checkpoint(best)
        core = recipe.config.model.core
        log_streaming_model(
            logger,
            builder="elman.tasks.export:build",
            description=describe(task, core.as_dict() if hasattr(core, "as_dict") else dict(core)),
            state_dict=saved["state_dict"],
            example_input=example,
            step=checkpoints.best_time_steps,
            metrics={checkpoints.monitor: checkpoints.best_value},
        )
        logger.set_tags({"elman.best_checkpoint": str(best)})
    logger.set_note(_note(recipe, task, data.description(), summary))
    _say(", ".join(f"{k} {v:,}" if isinstance(v, int) else f"{k} {v:.4f}" for k, v in summary.items()))
    sample = next((c.text for c in trainer.callbacks if isinstance(c, Samples)), "")
    if sample:
        _say(f"a sample:\n{sample}\n")


def _note(recipe: Recipe, task: SequenceTask, about: dict[str, Any], results: dict[str, Any] | None) -> str:
    config = recipe.config

    def shown(part: Any) -> str:
        return described(part.class_path, part.get("init_args", {}).as_dict() if part.get("init_args") else {})

    budget = f"{task.max_time_steps:,} time steps" if task.max_time_steps else f"{config.trainer.max_minutes} minutes"
    return run_note(
        question=recipe.question,
        command=command_line(),
        core=shown(config.model.core),
        strategy=shown(config.model.bptt),
        budget=budget,
        data={"name": about["name"], "source": about["source"], "digest": about["digest"], **about["facts"]},
        results=results,
    )


def _resume_line(run: str) -> str:
    words = [w for w in sys.argv[1:] if w != "--resume" and not w.startswith("--resume=")]
    return command_line(["elman", *words, "--resume", run])


@rank_zero_only
def _say(text: str) -> None:
    print(text, flush=True)


def trained(checkpoint: dict[str, Any], recipe: Recipe, data: Any) -> SequenceTask:
    """The task of a checkpoint with its weights.

    Args:
        data: has `inputs`, `outputs`, `symbols`.
    """
    task = make_task(recipe.classes(), data)
    try:
        task.load_state_dict(checkpoint["state_dict"])
    except RuntimeError as error:
        lines = str(error).splitlines()
        raise BadInput(
            f"the checkpoint's weights do not fit this recipe: {(lines[1] if len(lines) > 1 else lines[0]).strip()}"
        ) from error
    task.time_steps = checkpoint["elman"]["time_steps"]
    task.eval()
    torch.set_grad_enabled(True)
    return task
