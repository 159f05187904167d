"""The folder of a run's checkpoints: it can be written, and one process at a time writes it."""

from __future__ import annotations

import os
from pathlib import Path

from elman.errors import BadInput
from elman.tracking.lock import hold, holder


def refuse_unwritable(folder: Path) -> None:
    """Make the folder of all runs.

    Raises:
        BadInput: if nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise BadInput(
            f"trainer.checkpoints={folder} cannot be written ({error.strerror}); name another folder"
        ) from error


def take(folder: Path, run: str) -> None:
    """Hold a run's folder until this process ends.

    Args:
        run: its name, for the refusal.

    Raises:
        BadInput: if another process holds it, or nothing can be written there.
    """
    try:
        taken = hold(folder)
    except OSError as error:
        raise BadInput(
            f"{folder}, where run {run} is saved, cannot be written ({error.strerror}); make it writable"
        ) from error
    if not taken:
        # It may be about to end, as one whose search was killed: `retry` tries again.
        raise BadInput(
            f"run {run} is still being written by {holder(folder)}; stop it first"
        ) from BlockingIOError()
