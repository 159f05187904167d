"""What the stages of a run share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from elman.batch import SequenceBatch
from elman.recipes.recipe import Recipe
from elman.run.fork import Fork
from elman.run.kernels_then import KernelsThen
from elman.run.printed import Printed
from elman.run.ranks import Ranks
from elman.run.trial import SearchClient
from elman.tasks import SequenceTask
from elman.tracking.logger import RunLogger
from elman.tracking.retry import RETRY_SECONDS


@dataclass(kw_only=True)
class Run:
    """What the stages of a run share; each adds what those after it need.

    Args:
        recipe: what is run.
        resume, kernels: as for `fit`.
        tags: further ones of the run.
        run_id: in the store; None until a new run is opened there.
        checkpoint: what it goes on from; None: it begins.
        fork: what it begins with, where it goes on from a checkpoint of another run.
        ranks: the processes that can talk before training.
        printed: what this process has printed so far.
        parts: the recipe's classes, made.
        callbacks: the recipe's own; those that measure the run come before them.
        search: the search that has started it, on its first process.
        data: set up.
        first: a training batch.
        steps_per_batch: mean time steps of one, over all rows and processes.
        folder: of its checkpoints.
        randomness: the state of all generators before tracking drew from them.
        results: the last metrics of validation, of cost, and of the test if there was one.
    """

    recipe: Recipe
    resume: str | None
    tags: Mapping[str, str]
    kernels: KernelsThen | None = None
    run_id: str | None = None
    checkpoint: Path | None = None
    fork: Fork | None = None
    ranks: Ranks = field(default_factory=Ranks)
    printed: Printed = field(default_factory=Printed)
    parts: Any = field(init=False)
    callbacks: list[pl.Callback] = field(init=False)
    search: SearchClient | None = None
    data: Any = field(init=False)
    task: SequenceTask = field(init=False)
    first: SequenceBatch = field(init=False)
    steps_per_batch: float = field(init=False)
    logger: RunLogger = field(init=False)
    folder: Path = field(init=False)
    randomness: Any = field(init=False)
    trainer: pl.Trainer | None = None
    results: dict[str, float] = field(default_factory=dict)

    @property
    def tracking(self) -> dict[str, Any]:
        """The recipe's block of that name."""
        return dict(vars(self.parts.tracking))

    @property
    def retry_seconds(self) -> float:
        """How long opening waits for a store that restarts: a search's trials do."""
        return 0.0 if self.search is None else RETRY_SECONDS
