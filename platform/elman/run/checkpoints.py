"""Checkpoints: written between batches, whole or not at all, counted in time steps and minutes."""

from __future__ import annotations

import logging
import os
import shutil
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import inf, isfinite
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO

from datamodules.files import atomic_write
from elman.errors import BadInput
from elman.run.sealed import is_damaged, seal
from elman.run.stop import Stop
from elman.stored import translated_checkpoint
from elman.tasks import SequenceTask
from elman.tracking.metrics import BEST, high_is_good

log = logging.getLogger(__name__)

OWN: dict[str, type] = {
    "metadata": Mapping,
    "recipe": str,
    "time_steps": int,
    "updates": Mapping,
    "bptt": Mapping,
    **dict.fromkeys(("states", "restarts", "random"), list),
}
"""What a checkpoint holds of ours, and of which type."""
KEPT = 2  # so that one is whole if the machine dies while the other is written


class WholeFiles(TorchCheckpointIO):
    """Writes beside the target, waits for the disk, then renames: a kill leaves no broken file.

    A file that cannot be written is no reason to end: `failed` says why the last one was not. A checkpoint of
    before goes on in today's words.
    """

    failed: OSError | None = None

    def load_checkpoint(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return translated_checkpoint(super().load_checkpoint(*args, **kwargs))

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        self.failed = None
        try:
            with atomic_write(Path(path), sync=True) as part, part.open("wb+") as file:
                torch.save(checkpoint, file)
                seal(file)
        except OSError as error:
            self.failed = error
        except RuntimeError as error:  # of torch's writer, which hides that the disk is full
            if not isinstance(error.__context__, OSError):
                raise
            self.failed = error.__context__


class Checkpoints(pl.Callback):
    """Saves the run every so often, after every validation and when it is to stop.

    `step-*.ckpt` are the last two, from which the run goes on exactly; `best.ckpt` has the best monitored
    value: the highest accuracy or share of exact ones, the lowest of any other metric. A batch after which
    validation is due is saved after the validation, so that going on never skips it. Where the disk is full
    the run goes on, with the files it has, and the next save tries again.

    Args:
        folder: where they go.
        every_minutes: longest time between two saves.
        keep_every: time steps between two files that stay for good; None: there are none.
        monitor: the metric whose best value names the best checkpoint; of equal ones the later is taken.
        stop: whether the run should end early.
        files: by which the trainer writes.

    `saved_time_steps` is the time step of the last file that the run can go on from; None: there is none.
    `unwritten`: the last one that was due could not be written.
    `validations` counts those made, `not_finite` those of them whose value of the metric is no number.
    """

    def __init__(
        self,
        folder: Path,
        *,
        every_minutes: float,
        monitor: str,
        stop: Stop,
        files: WholeFiles,
        keep_every: int | None = None,
    ) -> None:
        self.folder, self.every_minutes, self.monitor, self.stop = folder, every_minutes, monitor, stop
        self.files, self.unwritten, self.keep_every = files, False, keep_every
        self.saved_time_steps: int | None = None
        self.sign = -1.0 if high_is_good(monitor) else 1.0
        self.best_value, self.best_time_steps = self.sign * inf, 0
        self.validations = self.not_finite = 0
        self._saved_at = 0.0

    def on_train_start(self, trainer: pl.Trainer, task: Any) -> None:
        self._saved_at = time.monotonic()
        if self._at(task.time_steps).is_file():
            self.saved_time_steps = task.time_steps
        if trainer.is_global_zero:
            self._tidy(task.time_steps)

    def on_train_batch_end(
        self, trainer: pl.Trainer, task: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        due = time.monotonic() - self._saved_at >= 60 * self.every_minutes or self._crossed(task.time_steps)
        due, stopping = self.stop.agree(due)
        assert trainer.val_check_batch is not None, "validation comes every so many batches"
        if trainer.should_stop or (batch_idx + 1) % int(trainer.val_check_batch) == 0:
            return  # saved after the validation
        if due or stopping:
            self._save(trainer, task)
        self.stop.release(stopping)

    def on_validation_end(self, trainer: pl.Trainer, task: Any) -> None:
        if trainer.state.fn != "fit":
            return
        if self.monitor not in trainer.callback_metrics:
            raise BadInput(
                f"validation has no {self.monitor}, since none of its steps is scored; give it steps that are"
            )
        value = float(trainer.callback_metrics[self.monitor])
        self.validations, self.not_finite = self.validations + 1, self.not_finite + (not isfinite(value))
        before = self.best_value, self.best_time_steps
        better = isfinite(value) and self.sign * value <= self.sign * self.best_value
        if better:
            self.best_value, self.best_time_steps = value, task.time_steps
            if trainer.logger is not None:
                trainer.logger.log_metrics({f"{BEST}{self.monitor}": value}, step=task.time_steps)
        if not self._save(trainer, task, best=better):
            self.best_value, self.best_time_steps = before  # of which there is a file
        _, stopping = self.stop.agree(False)
        if not trainer.should_stop:
            self.stop.release(stopping)

    def _save(self, trainer: pl.Trainer, task: SequenceTask, *, best: bool = False) -> bool:
        """Whether it was saved, on all ranks.

        Args:
            best: it is the best so far.
        """
        if trainer.logger is not None and hasattr(trainer.logger, "flush"):
            trainer.logger.flush()  # what is before a checkpoint is not computed again
        path = self._at(task.time_steps)
        trainer.save_checkpoint(path)
        failed = self.files.failed
        if trainer.is_global_zero and failed is None:
            try:
                if best:
                    link(path, self.folder / "best.ckpt")
                for old in outlived(sorted(self.folder.glob("step-*.ckpt")), self.keep_every):
                    old.unlink()
            except OSError as error:
                failed = error
        saved = bool(trainer.strategy.broadcast(failed is None))
        if saved:
            self.saved_time_steps = task.time_steps
        elif failed is not None and not self.unwritten:
            log.warning(
                "no checkpoint at %s time steps: %s cannot be written (%s); make room there, the run goes on "
                "and the next one is tried again",
                f"{task.time_steps:,}",
                self.folder,
                failed.strerror,
            )
        self.unwritten = not saved
        self._saved_at = time.monotonic()
        return saved

    def _crossed(self, time_steps: int) -> bool:
        """Whether the last file that is there is from before a step that one is to be kept of."""
        every = self.keep_every
        return every is not None and time_steps // every > (self.saved_time_steps or 0) // every

    def _tidy(self, time_steps: int) -> None:
        """Repair what a kill has left: files half written or damaged, and a best one not yet named so."""
        for path in [*self.folder.glob("*.part"), *self.folder.glob("step-*.ckpt")]:
            if path.suffix == ".part" or path > self._at(time_steps):
                path.unlink()
        if isfinite(self.best_value) and self._at(self.best_time_steps).is_file():
            link(self._at(self.best_time_steps), self.folder / "best.ckpt")

    def _at(self, time_steps: int) -> Path:
        return self.folder / f"step-{time_steps:014d}.ckpt"

    def on_train_end(self, trainer: pl.Trainer, task: Any) -> None:
        """Raise `BadInput` if there were validations and none of them can name a best checkpoint."""
        if self.unwritten and self.saved_time_steps is None:
            raise BadInput(
                f"no checkpoint could be written in {self.folder}, so what was trained is lost; make room, "
                "or name another folder with trainer.checkpoints"
            )
        if self.unwritten and trainer.is_global_zero:
            saved = self.saved_time_steps or 0
            log.warning("the last %s time steps are in no checkpoint", f"{task.time_steps - saved:,}")
        if self.validations and not isfinite(self.best_value):
            raise BadInput(
                f"{self.monitor} was not finite in any of {self.validations} validations, so there is no "
                "best checkpoint; lower the learning rate or model.clip"
            )

    def state_dict(self) -> dict[str, Any]:
        names = ("best_value", "best_time_steps", "validations", "not_finite")
        return {name: getattr(self, name) for name in names}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best_value, self.best_time_steps = state_dict["best_value"], state_dict["best_time_steps"]
        self.validations = state_dict.get("validations", 0)  # files of before have none
        self.not_finite = state_dict.get("not_finite", 0)


def outlived(files: list[Path], keep_every: int | None) -> list[Path]:
    """The checkpoints that need not stay: all but the last two, and the first of each `keep_every` steps.

    Args:
        files: in their order.
    """
    kept, seen = set(files[-KEPT:]), {0}
    for file in files if keep_every else ():
        number = int(file.stem.removeprefix("step-")) // (keep_every or 1)
        if number not in seen:
            kept.add(file)
        seen.add(number)
    return [file for file in files if file not in kept]


def link(source: Path, target: Path) -> None:
    """`target` becomes a second name of `source`, or a copy where the file system has no links."""
    with atomic_write(target) as part:
        try:
            os.link(source, part)
        except OSError:
            shutil.copyfile(source, part)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint of ours, read without executing anything in it.

    Raises:
        BadInput: if the file is missing, damaged, cut short, or not a checkpoint of elman.
    """
    if not path.is_file():
        what = "is a folder; name a .ckpt file in it" if path.is_dir() else "there is no such checkpoint"
        raise BadInput(f"{path}: {what}")
    if is_damaged(path):
        raise BadInput(f"{path}: damaged, its checksum does not fit; use another one of its folder")
    try:
        with warnings.catch_warnings(action="ignore"):  # of pickles it will refuse
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # torch's own message advises to load it with weights_only=False, which would execute what is in it
        raise BadInput(
            f"{path}: not a readable checkpoint (cut short, damaged, or holding more than plain tensors); "
            "use another one of its folder"
        ) from error
    checkpoint = translated_checkpoint(checkpoint) if isinstance(checkpoint, Mapping) else {}
    own = checkpoint.get("elman")
    if not isinstance(own, Mapping) or not OWN.keys() <= own.keys() or "state_dict" not in checkpoint:
        raise BadInput(f"{path}: not a checkpoint of elman; give one that `elman fit` wrote")
    for name, kind in OWN.items():
        if not isinstance(own[name], kind) or isinstance(own[name], bool):
            what = f"its {name} is of type {type(own[name]).__name__}, not {kind.__name__}"
            raise BadInput(f"{path}: not a checkpoint of `elman fit`: {what}; use another one")
    weights = checkpoint["state_dict"]
    if not isinstance(weights, Mapping) or not all(isinstance(w, torch.Tensor) for w in weights.values()):
        raise BadInput(
            f"{path}: not a checkpoint of `elman fit`: its weights are no tensors; use another one"
        )
    return checkpoint


def restore_data(data: Any, checkpoint: Mapping[str, Any], path: Path | None) -> None:
    """Give a data module the state that a checkpoint holds for it.

    Raises:
        BadInput: if the data refuses it, or the state is not one of this kind of data.
    """
    with fitting(path, f"giving {type(data).__name__} its state"):
        data.load_state_dict(checkpoint.get(type(data).__qualname__, {}))


@contextmanager
def fitting(path: Path | None, part: str) -> Iterator[None]:
    """What a part of a checkpoint with other contents makes fail, as one line."""
    try:
        yield
    except BadInput:
        raise
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        first = (str(error).strip().splitlines() or [""])[0]
        raise BadInput(
            f"{path}: {part} failed ({type(error).__name__}: {first}); use another one of its folder"
        ) from error


def newest(folder: Path) -> Path:
    """The last checkpoint of a run that can be read; those after it, which cannot, are named in a warning.

    Raises:
        BadInput: if there is none.
    """
    broken = []
    for path in sorted(folder.glob("step-*.ckpt"), reverse=True):
        try:
            read_checkpoint(path)
        except BadInput as error:
            broken.append(str(error))
            continue
        for line in broken:
            log.warning("%s; %s is taken instead", line.partition(";")[0], path.name)
        return path
    detail = f" ({broken[0]})" if broken else ""
    raise BadInput(f"{folder}: holds no checkpoint to go on from{detail}; start the recipe anew")
