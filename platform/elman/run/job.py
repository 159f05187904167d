"""One run from a recipe: data, task, tracking, training."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytorch_lightning as pl
import torch

from elman.captions.scores import caption_scores
from elman.diagnostics.choice import diagnostics_of
from elman.errors import BadInput
from elman.recipes.recipe import Recipe, make_task, refuse_monitor, refuse_targets
from elman.run.again import job_tags
from elman.run.budgets import changed_schedule
from elman.run.checkpoints import fitting, read_checkpoint, restore_data
from elman.run.chosen import choose_run, open_run
from elman.run.context import Run
from elman.run.ending import Ended, end_early, ended
from elman.run.folder import refuse_unwritable
from elman.run.fork import Fork, refuse_unfit_weights
from elman.run.kernels_then import KernelsThen
from elman.run.launched import launched
from elman.run.parallel import is_first_process, process_rank
from elman.run.protocol import RUN_ID_VARIABLE
from elman.run.stop import unmasked
from elman.run.summary import announced, first_tags, record_end, record_start, run_name, say
from elman.run.together import settle
from elman.run.trainer import make_trainer, prepare_process
from elman.run.trial import SearchClient, reported
from elman.tasks.checkpoint import evaluate_as
from elman.tasks.dealt import dealt
from elman.tasks.pairs import refuse_unfit_batch, refuse_unfit_rows
from elman.tasks.random_state import restore_random, saved_random
from elman.tracking.logger import RunLogger
from elman.tracking.retry import retry
from elman.tracking.ui import dashboard_line


def fit(
    recipe: Recipe,
    *,
    resume: str | None = None,
    tags: Mapping[str, str] | None = None,
    kernels: KernelsThen | None = None,
    fork: Fork | None = None,
) -> Ended:
    """Train, tracked, from the beginning or from a run's newest checkpoint.

    Args:
        resume: a run's id or name; "": the newest unfinished run of this recipe; "auto": that, or a new run;
            None: a new run, but in a job of SLURM that was requeued.
        tags: further ones of the run.
        kernels: of the run that is done once more; None: by the recipe.
        fork: where it goes on from a checkpoint of another run.
    """
    named = {**job_tags(), **(tags or {}), **(fork.tags() if fork else {})}
    run = Run(recipe=recipe, resume=resume, tags=named, kernels=kernels, fork=fork)
    return ended(run, lambda: _stages(run))


def _stages(run: Run) -> None:
    prepare(run)
    choose_run(run)
    make_data_and_task(run)
    connect(run)
    check(run)
    try:
        open_run(run)
        begin(run)
        train(run)
        test(run)
        close(run)
    except BaseException as error:
        end_early(run, error)
        raise
    if is_first_process():
        say(dashboard_line(run.tracking["tracking_uri"], run.tracking["experiment"]))


def prepare(run: Run) -> None:
    """The recipe's classes, and the settings of this process."""
    run.parts, run.callbacks = run.recipe.classes(), run.recipe.callbacks()
    run.parts.trainer, run.ranks = settle(run.recipe, run.parts.trainer)
    run.search = SearchClient.present()
    run.folder = Path(run.parts.trainer.checkpoints).absolute()
    prepare_process(run.parts.trainer)
    pl.seed_everything(run.recipe.config.seed_everything, verbose=False)


def make_data_and_task(run: Run) -> None:
    """The data, set up, and a task for it with fresh weights."""
    data = run.data = run.parts.data
    saved = None if run.checkpoint is None else read_checkpoint(run.checkpoint)
    if saved is not None:
        restore_data(data, saved, run.checkpoint)
        with fitting(run.checkpoint, "dealing its rows to the processes"):
            dealt(saved["elman"], run.parts.trainer.processes)
    with announced("reading the data"), run.ranks.one_a_machine_first():
        data.prepare_data()
        data.setup("fit")
    with announced("building the network"):
        task = run.task = make_task(run.parts, data)
    if run.fork is not None and saved is not None:
        refuse_unfit_weights(run.fork, saved["state_dict"], task.state_dict())
    if saved is not None:
        evaluate_as(task, saved["elman"])
    elif run.kernels is not None:
        run.kernels.settle(task)
    if not is_first_process():  # all start from rank 0's weights, but draw dropout of their own
        torch.manual_seed(run.recipe.config.seed_everything + process_rank())
    if saved is not None and (line := changed_schedule(task.updates.schedule, run.parts.trainer, saved)):
        say(line)
    task.recipe = run.recipe.resolved
    task.max_time_steps = run.parts.trainer.budget(data.steps_per_epoch)
    if task.updates.schedule.needs_budget and task.max_time_steps is None:
        raise BadInput(
            f"model.schedule={type(task.updates.schedule).__name__} falls over the run's time steps; "
            "set trainer.max_time_steps or trainer.max_epochs"
        )
    run.randomness = saved_random()  # tracking draws numbers, too, and others for a run that is resumed


def connect(run: Run) -> None:
    """The store, which must answer before a run is opened in it."""
    named = {**run.tracking, "run_name": run.tracking["run_name"] or run_name(run.task, run.data)}
    run.logger = retry(
        lambda: RunLogger(**named, run_id=run.run_id, folder=run.folder),
        what="opening the tracking store",
        seconds=run.retry_seconds,
    )
    run.logger.first_tags = {**first_tags(run.recipe), **run.tags}


def check(run: Run) -> None:
    """Refuse what would fail after the first batch, before there is a run."""
    loader = run.data.train_dataloader()
    run.first = loader.batch(0)
    refuse_unfit_batch(run.first, run.data)
    refuse_unfit_rows(run.task.network.core, run.first, run.data)
    run.task.train_state.refuse(run.first)
    run.steps_per_batch = loader.steps_per_batch or int(run.first.lengths.sum())
    refuse_targets(run.task, run.first)
    refuse_monitor(run.parts.trainer.monitor, run.task, run.data, run.first)
    run.callbacks = [
        *caption_scores(run.data, beam_width=run.parts.model.beam_width),
        *diagnostics_of(run.recipe.diagnostics(), run.task, run.data),
        *run.callbacks,
    ]
    if run.parts.trainer.test_after:
        run.data.test_dataloader()  # which refuses what is missing
    if is_first_process():
        refuse_unwritable(run.folder)


def begin(run: Run) -> None:
    """The trainer, and the record of how the run starts."""
    settings, task, data = run.parts.trainer, run.task, run.data
    run.trainer = make_trainer(
        settings,
        folder=run.folder,
        monitor=settings.monitor or f"val/{task.loss.monitored}",
        steps_per_batch=run.steps_per_batch,
        max_time_steps=task.max_time_steps,
        logger=run.logger,
        callbacks=run.callbacks,
        search=run.search,
        searched=RUN_ID_VARIABLE in os.environ,
    )
    if is_first_process():
        device = run.trainer.strategy.root_device.type
        record_start(run.recipe, run.logger, task, data, run.folder, device=device, tags=run.tags)


def train(run: Run) -> None:
    """The training, and the metrics it ends with."""
    assert run.trainer is not None, "begin makes it"
    if launched():
        run.ranks.join(run.trainer.strategy.root_device)
    restore_random(run.randomness)
    with unmasked(), _restoring(run):
        run.trainer.fit(run.task, datamodule=run.data, ckpt_path=run.checkpoint, weights_only=True)
    run.results = metrics_of(run.trainer, "val") | metrics_of(run.trainer, "cost")


@contextmanager
def _restoring(run: Run) -> Iterator[None]:
    """What fails before the first batch after a checkpoint is blamed on the checkpoint."""
    try:
        yield
    except Exception:
        if run.checkpoint is None or run.task.training_begun:
            raise
        with fitting(run.checkpoint, "going on from it"):
            raise


def test(run: Run) -> None:
    """Where the recipe says so, the best checkpoint, at the time step it was saved, on the test data."""
    if not run.parts.trainer.test_after:
        return
    assert run.trainer is not None, "begin makes it"
    run.trainer.strategy.barrier()  # until rank 0 has named it
    best, reached = run.folder / "best.ckpt", run.task.time_steps
    if best.is_file():
        saved = read_checkpoint(best)
        run.task.load_state_dict(saved["state_dict"])
        run.task.time_steps = saved["elman"]["time_steps"]
    run.trainer.test(run.task, dataloaders=run.data.test_dataloader(), verbose=False)
    run.task.time_steps = reached
    run.results |= metrics_of(run.trainer, "test")


def close(run: Run) -> None:
    """The record of the results, and the end of the run in the store and for the search."""
    assert run.trainer is not None, "begin makes it"
    if is_first_process():
        record_end(
            run.recipe,
            run.logger,
            run.task,
            run.data,
            trainer=run.trainer,
            results=run.results,
            example=run.first,
        )
        run.printed.record(run.logger)
    run.logger.close("FINISHED")
    if run.search is not None:
        run.search.end(time_steps=run.task.time_steps, metrics=reported(run.trainer))


def metrics_of(trainer: pl.Trainer, stage: str) -> dict[str, float]:
    """The last metrics of a stage, by name."""
    found = trainer.callback_metrics.items()
    return {name: float(value) for name, value in sorted(found) if name.startswith(stage)}
