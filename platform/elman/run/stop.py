"""Ending a run early and in order: signals, noted at once and obeyed between batches."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from math import inf
from types import FrameType
from typing import Any

import pytorch_lightning as pl
import torch
import torch.distributed as dist
from pytorch_lightning.utilities.exceptions import SIGTERMException

from elman.run.parallel import is_first_process

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)  # the last from SLURM, before time is up
WORD_SECONDS = 3.0  # between two words on a batch that is to end
WATCH_SECONDS = 1.0
ENDING_SECONDS = 5.0
AGAIN_SECONDS = 0.02
ECHO_SECONDS = 1.0  # some programs send one signal twice: to the process, and to its group


class Stopped(SIGTERMException):
    """The run was asked to stop.

    Args:
        number: the signal.
        in_order: all ranks stopped after the same batch, with a checkpoint behind them.
    """

    def __init__(self, number: int, *, in_order: bool = False) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number, self.in_order = number, in_order


class _Ending:
    since = -inf


_ending = _Ending()


def ending() -> None:
    """From now on, and for some seconds, signals are not obeyed: the run is ending anyway.

    Processes that stop together receive theirs one after another.
    """
    _ending.since = time.monotonic()


@contextmanager
def stoppable() -> Iterator[None]:
    """Signals raise `Stopped` in here, wherever they arrive; `Stop` is gentler in training."""

    def stop(number: int, frame: FrameType | None) -> None:
        if time.monotonic() - _ending.since > ENDING_SECONDS:
            raise Stopped(number)

    _ending.since = -inf
    before, hook = _handle(stop), sys.unraisablehook
    sys.unraisablehook = partial(_send_again, hook)
    try:
        yield
    finally:
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


def _send_again(hook: Callable[[Any], Any], dropped: Any) -> None:
    """The signal once more: Python drops what is raised in a `__del__` or a weak reference's callback."""
    if isinstance(dropped.exc_value, Stopped):
        again = threading.Timer(AGAIN_SECONDS, os.kill, (os.getpid(), dropped.exc_value.number))
        again.daemon = True
        again.start()
    else:
        hook(dropped)


@contextmanager
def watching_the_launcher() -> Iterator[None]:
    """Stop as at SIGTERM when the process that started this one is gone: nobody is left to stop it."""
    parent, ended = os.getppid(), threading.Event()

    def watch() -> None:
        while not ended.wait(WATCH_SECONDS):
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGTERM)
                return

    threading.Thread(target=watch, name="elman-launcher", daemon=True).start()
    try:
        yield
    finally:
        ended.set()


@contextmanager
def unmasked() -> Iterator[None]:
    """Raise the `Stopped` behind another error: Lightning's tidying after an early one may fail in turn."""
    try:
        yield
    except Exception as error:
        first: BaseException | None = error
        while first is not None and not isinstance(first, Stopped):
            first = first.__context__
        if first is None or first is error:
            raise
        raise first from None


class Stop(pl.Callback):
    """Notes Ctrl-C, SIGTERM and SIGUSR1 in training; all ranks then stop after the same batch.

    Until that has ended, a line every few seconds says how much of it is left. A second signal, when the
    first has been noted for a second, acts at once.
    """

    def __init__(self) -> None:
        self.number = 0
        self._noted_at = self._batch_at = 0.0
        self._ended = threading.Event()

    def on_train_start(self, trainer: pl.Trainer, task: Any) -> None:
        self._task = task
        _handle(self._note)  # after Lightning's own, which takes it back at its end

    def on_train_batch_start(self, trainer: pl.Trainer, task: Any, batch: Any, batch_idx: int) -> None:
        self._batch_at = time.monotonic()

    def on_exception(self, trainer: pl.Trainer, task: Any, exception: BaseException) -> None:
        self._ended.set()

    def on_train_end(self, trainer: pl.Trainer, task: Any) -> None:
        self._ended.set()

    def _note(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.number:
            if now - self._noted_at > ECHO_SECONDS:
                raise Stopped(number)
            return
        self.number, self._noted_at = number, now
        if is_first_process():
            line = f"\n{signal.Signals(number).name}: stopping after this batch; again to stop at once\n"
            os.write(2, line.encode())  # the signal may have come in the middle of a print
            threading.Thread(target=self._say_what_is_left, name="elman-stop", daemon=True).start()

    def _say_what_is_left(self) -> None:
        while not self._ended.wait(WORD_SECONDS):
            place, seconds = self._task.training_loop.place, time.monotonic() - self._batch_at
            done = min(1.0, place.share) if place else 0.0
            left = f", about {seconds * (1 - done) / done:.0f} s to go" if done else ""
            line = f"{done:.0%} of this batch is done{left}"
            if self._task.trainer.validating:
                line = "the validation that was due goes on"
            os.write(2, f"{line}\n".encode())

    def agree(self, due: bool) -> tuple[bool, int]:
        """Over all ranks: whether any wants to save, and the signal any has received (0: none)."""
        if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
            return due, self.number
        both = torch.tensor([int(due), self.number])
        if dist.get_backend() == "nccl":
            both = both.cuda()
        dist.all_reduce(both, dist.ReduceOp.MAX)
        return bool(both[0]), int(both[1])

    def release(self, number: int) -> None:
        """Raise `Stopped` if there was a signal; on all ranks, with the number they agreed on."""
        if number:
            ending()
            raise Stopped(number, in_order=True)


def _handle(handler: Any) -> dict[int, Any]:
    """Install a handler, which only the main thread can; the handlers before it."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.signal(number, handler) for number in SIGNALS}
