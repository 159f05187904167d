"""Where claims are measured: recipes of `experiments/`, made and trained in this process."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import pytorch_lightning as pl
from pytorch_lightning.loggers.logger import Logger

import elman
from elman.captions.scores import caption_scores
from elman.errors import BadInput
from elman.recipes.recipe import make_task, parse
from elman.run.trainer import Budget, prepare_process
from elman.tasks import SequenceTask

EVERY = ("--trainer.accelerator=cpu", "--trainer.threads=1")
"""Options of all networks of the lecture: they are so small that one thread is fastest."""


class Point(NamedTuple):
    """A metric at a moment.

    Args:
        time_steps: seen.
        value: of the metric.
        seconds: since training began, validation left out.
        updates: made.
    """

    time_steps: int
    value: float
    seconds: float
    updates: int


class Curves(Logger):
    """Keeps what a run logs, in its order."""

    name, version = "lecture", ""

    def __init__(self) -> None:
        super().__init__()
        self.points: dict[str, list[Point]] = {}
        self.moment: Callable[[], tuple[float, int]] = lambda: (0.0, 0)

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        pass

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        for name, value in metrics.items():
            self.points.setdefault(name, []).append(Point(step or 0, float(value), *self.moment()))


class Clock(pl.Callback):
    """Seconds of training alone."""

    def __init__(self) -> None:
        self._spent = 0.0
        self._since: float | None = None

    def on_train_start(self, trainer: pl.Trainer, task: Any) -> None:
        self._since = perf_counter()

    def on_validation_start(self, trainer: pl.Trainer, task: Any) -> None:
        self._spent, self._since = self.seconds, None

    def on_validation_end(self, trainer: pl.Trainer, task: Any) -> None:
        self._since = perf_counter()

    @property
    def seconds(self) -> float:
        return self._spent + (perf_counter() - self._since if self._since is not None else 0.0)


class Trained(NamedTuple):
    """A network after its budget.

    Args:
        task: it.
        data: that it has learned from.
        curves: all metrics, by name.
        seconds: of training, validation left out.
    """

    task: SequenceTask
    data: Any
    curves: dict[str, list[Point]]
    seconds: float

    def last(self, metric: str) -> float:
        return self.curves[metric][-1].value


@dataclass
class Lab:
    """Makes and trains what recipes name, and keeps the commands that would do the same.

    Args:
        experiments: the folder of recipes.
        say: told of every network that is trained.
    """

    experiments: Path
    say: Callable[[str], None] = lambda text: None
    commands: list[str] = field(default_factory=list)

    def made(self, recipe: str, *options: str) -> tuple[SequenceTask, Any]:
        """An untrained task and its data, set up."""
        task, data, _ = self._made(recipe, options)
        return task, data

    def trained(self, recipe: str, *options: str) -> Trained:
        """A task trained to its recipe's budget, with the numbers that `elman fit` gets."""
        task, data, parts = self._made(recipe, options)
        settings, scores = parts.trainer, caption_scores(data, beam_width=parts.model.beam_width)
        words = [f"experiments/{recipe}.yaml", *options]
        self.commands.append(f"elman fit {' '.join(map(shlex.quote, words))}")
        self.say(self.commands[-1])
        budget = task.max_time_steps = settings.budget(data.steps_per_epoch)
        loader = data.train_dataloader()
        batch_steps = loader.steps_per_batch or int(loader.batch(0).lengths.sum())
        assert budget is not None, "recipes of the lecture end by time steps"
        every = settings.val_every or budget // 10
        curves, clock = Curves(), Clock()
        curves.moment = lambda: (clock.seconds, task.updates.made)
        trainer = pl.Trainer(
            accelerator="cpu",
            logger=curves,
            callbacks=[Budget(max_time_steps=budget, max_minutes=None), clock, *scores],
            max_epochs=-1,
            val_check_interval=max(1, round(every / batch_steps)),
            check_val_every_n_epoch=None,
            num_sanity_val_steps=0,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(task, datamodule=data)
        return Trained(task, data, curves.points, clock.seconds)

    def _made(self, recipe: str, options: tuple[str, ...]) -> tuple[SequenceTask, Any, Any]:
        file = self.experiments / f"{recipe}.yaml"
        parsed = parse("fit", [str(file), *EVERY, *options])
        parts = parsed.classes()
        prepare_process(parts.trainer)
        pl.seed_everything(parsed.config.seed_everything, verbose=False)
        parts.data.prepare_data()
        parts.data.setup("fit")
        return make_task(parts, parts.data), parts.data, parts


def experiments_folder(given: str = "") -> Path:
    """The folder of recipes: as given, or that of the working folder, or of the checkout elman runs from.

    Raises:
        BadInput: if it holds no lecture.
    """
    checkout = Path(elman.__file__).parents[2]
    places = [Path(given)] if given else [Path("experiments"), checkout / "experiments"]
    for place in places:
        if (place / "lecture").is_dir():
            return place
    raise BadInput(
        f"{places[0]} holds no folder 'lecture' with its recipes; start in a checkout of elman, or name its "
        "folder by --experiments=FOLDER"
    )
