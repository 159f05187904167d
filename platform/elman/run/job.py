"""One run from a recipe: data, task, tracking, training."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from elman.captions.scores import caption_scores
from elman.diagnostics.choice import diagnostics_of
from elman.errors import BadInput
from elman.recipes.recipe import Recipe, make_task, refuse_monitor, refuse_targets
from elman.recipes.training import Training
from elman.run.checkpoints import read_checkpoint
from elman.run.parallel import end_other_processes, is_first_process, process_rank
from elman.run.protocol import PRUNED_CODE, RUN_ID_VARIABLE
from elman.run.resume import RUN_VARIABLE, begun, resumed, tell_other_processes
from elman.run.stop import Stopped, stoppable, unmasked
from elman.run.summary import command, record_end, record_start, say
from elman.run.trainer import make_trainer, prepare_process
from elman.run.trial import Overseer, Pruned, reported
from elman.tasks import SequenceTask
from elman.tasks.random_state import restore_random, saved_random
from elman.tracking.logger import RunLogger
from elman.tracking.retry import RETRY_SECONDS, retry
from elman.tracking.tags import STATE_TAG
from elman.tracking.ui import dashboard_line


def fit(recipe: Recipe, *, resume: str | None = None) -> int:
    """Train, tracked, from the beginning or from a run's newest checkpoint.

    Args:
        resume: a run's id or name; "": the newest unfinished run of this recipe; None: a new run.

    Returns:
        The exit code: 0 done, 130 or 143 stopped by Ctrl-C or SIGTERM, 75 pruned by the search it is part of.
    """
    try:
        with stoppable():
            _fit(recipe, resume)
    except Pruned:
        return PRUNED_CODE if is_first_process() else 0
    except Stopped as stopped:
        # The launcher takes any other exit code of a process that it started for a crash, and kills all.
        return 128 + stopped.number if is_first_process() else 0
    return 0


def _fit(recipe: Recipe, resume: str | None) -> None:
    parts = recipe.classes()
    prepare_process(parts.trainer)
    pl.seed_everything(recipe.config.seed_everything, verbose=False)
    tracking = dict(vars(parts.tracking))
    overseer = Overseer.present()
    if overseer is None:
        run_id, checkpoint = resumed(recipe, tracking, resume)
    else:
        run_id, checkpoint = overseer.run_id, begun(_folder(parts.trainer) / overseer.run_id)
    data, task = _data_and_task(recipe, parts, checkpoint)
    randomness = saved_random()  # tracking draws numbers, too, and others for a run that is resumed
    patience = RETRY_SECONDS if overseer is not None else 0.0  # a search waits for a store that restarts
    logger = retry(
        lambda: RunLogger(**tracking, run_id=run_id), what="opening the tracking store", seconds=patience
    )
    loader = data.train_dataloader()
    first = loader.batch(0)
    refuse_targets(task, first)
    refuse_monitor(parts.trainer.monitor, task, data, first)
    scores = caption_scores(data, beam_width=parts.model.beam_width)
    diagnostics = diagnostics_of(recipe.diagnostics(), task, data)
    _refuse_missing_test(parts.trainer, data)
    folder = _folder(parts.trainer)
    _check_writable(folder)
    trainer = None
    try:
        if is_first_process():
            random.seed()  # MLflow draws the run's name from it: not the same one for every run of a seed
            retry(logger.start, what="opening the run", seconds=patience)
            tell_other_processes(str(logger.version), checkpoint)
            (folder / str(logger.version)).mkdir(exist_ok=True)
        folder = folder / os.environ[RUN_VARIABLE]
        trainer = make_trainer(
            parts.trainer,
            folder=folder,
            monitor=parts.trainer.monitor or f"val/{task.loss.monitored}",
            steps_per_batch=loader.steps_per_batch or int(first.lengths.sum()),
            max_time_steps=task.max_time_steps,
            logger=logger,
            callbacks=[*scores, *diagnostics],
            overseer=overseer,
            searched=RUN_ID_VARIABLE in os.environ,
        )
        if is_first_process():
            record_start(recipe, logger, task, data, folder)
        restore_random(randomness)
        with unmasked():
            trainer.fit(task, datamodule=data, ckpt_path=checkpoint, weights_only=True)
        results = figures(trainer, "val") | figures(trainer, "cost")
        if parts.trainer.test_after:
            results |= _test_best(trainer, task, data, folder)
        if is_first_process():
            record_end(recipe, logger, task, data, trainer=trainer, results=results, example=first)
        logger.close("FINISHED")
        if overseer is not None:
            overseer.end(time_steps=task.time_steps, figures=reported(trainer.callback_metrics))
    except BaseException as error:
        _end_early(error, logger, task, trainer)
        raise
    if is_first_process():
        say(dashboard_line(tracking["tracking_uri"], tracking["experiment"]))


def _end_early(error: BaseException, logger: RunLogger, task: SequenceTask, trainer: Any) -> None:
    """What is recorded and said of a run that stops before its budget is spent."""
    pruned = isinstance(error, Pruned)
    if pruned:
        logger.set_tags({STATE_TAG: "pruned"})
    logger.close()
    if trainer is None:
        return
    if not (isinstance(error, Stopped) and error.in_order):
        end_other_processes(trainer)
    if pruned:
        say(f"pruned at {task.time_steps:,} time steps")
    elif isinstance(error, Stopped):
        go_on = command("--resume", os.environ[RUN_VARIABLE])
        say(f"stopped at {task.time_steps:,} time steps; go on with: {go_on}")


def _data_and_task(recipe: Recipe, parts: Any, checkpoint: Path | None) -> tuple[Any, SequenceTask]:
    """The data, set up, and a task for it with fresh weights."""
    data = parts.data
    if checkpoint is not None:
        data.load_state_dict(read_checkpoint(checkpoint).get(type(data).__qualname__, {}))
    data.prepare_data()
    data.setup("fit")
    task = make_task(parts, data)
    if not is_first_process():  # all start from rank 0's weights, but draw dropout of their own
        torch.manual_seed(recipe.config.seed_everything + process_rank())
    task.recipe = recipe.resolved
    task.max_time_steps = parts.trainer.budget(data.steps_per_epoch)
    _refuse_missing_budget(task)
    return data, task


def figures(trainer: pl.Trainer, stage: str) -> dict[str, float]:
    """The last figures of a stage, by name."""
    found = trainer.callback_metrics.items()
    return {name: float(value) for name, value in sorted(found) if name.startswith(stage)}


def _test_best(trainer: pl.Trainer, task: SequenceTask, data: Any, folder: Path) -> dict[str, float]:
    """The figures of the best checkpoint, at the time step it was saved, on the test data."""
    trainer.strategy.barrier()  # until rank 0 has named it
    best, seen = folder / "best.ckpt", task.time_steps
    if best.is_file():
        saved = read_checkpoint(best)
        task.load_state_dict(saved["state_dict"])
        task.time_steps = saved["elman"]["time_steps"]
    trainer.test(task, dataloaders=data.test_dataloader(), verbose=False)
    task.time_steps = seen
    return figures(trainer, "test")


def _refuse_missing_budget(task: SequenceTask) -> None:
    if task.updates.schedule.needs_budget and task.max_time_steps is None:
        raise BadInput(
            f"model.schedule={type(task.updates.schedule).__name__} falls over the run's time steps; "
            "set trainer.max_time_steps or trainer.max_epochs"
        )


def _refuse_missing_test(settings: Training, data: Any) -> None:
    if settings.test_after:
        data.test_dataloader()  # which says what is missing


def _folder(settings: Training) -> Path:
    """That of all runs' checkpoints."""
    return Path(settings.checkpoints).absolute()


def _check_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise BadInput(
            f"trainer.checkpoints={folder} cannot be written ({error.strerror}); name another folder"
        ) from error
