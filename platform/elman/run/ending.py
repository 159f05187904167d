"""How a run ends: its exit code, and what is recorded, printed and handed on where it does not end well."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import nullcontext
from typing import NamedTuple

from elman.errors import BadInput
from elman.program import program
from elman.run.again import AlreadyFinished, requeue
from elman.run.checkpoints import Checkpoints
from elman.run.context import Run
from elman.run.launched import launched
from elman.run.parallel import end_other_processes, hand_over, handed_over, is_first_process, lost
from elman.run.printed import keeping
from elman.run.protocol import PRUNED_CODE
from elman.run.stop import Stopped, ending, stoppable, watching_the_launcher
from elman.run.summary import command, say
from elman.run.trial import Pruned
from elman.tracking.lock import releasing
from elman.tracking.note import shortened
from elman.tracking.secrets import without_secrets
from elman.tracking.tags import STATE_TAG, WHY_TAG

WHY_CHARACTERS = 500


class Ended(NamedTuple):
    """How a run ended.

    Args:
        code: the exit code: 0 done; 130, 143 or 138 stopped by Ctrl-C, SIGTERM or SIGUSR1; 75 pruned by the
            search it is part of; 1 ended with another of its processes.
        run_id: in the store; None where it never began there.
    """

    code: int
    run_id: str | None


def ended(run: Run, stages: Callable[[], None]) -> Ended:
    """Go through the stages; how that ended. Whatever ends one process ends all of them.

    Raises:
        BadInput: for what the user can mend, on whichever process it was found.
    """
    code, first = 0, is_first_process
    try:
        watching = watching_the_launcher() if launched() else nullcontext()
        with keeping(run.printed), stoppable(), releasing(), watching:
            stages()
    except Pruned:
        code = PRUNED_CODE
    except Stopped as stopped:
        code = 128 + stopped.number
        run.ranks.end()
        if stopped.number == signal.SIGUSR1 and first() and run.search is None:  # which requeues itself
            requeue()
    except AlreadyFinished:
        pass
    except BadInput as error:
        run.ranks.end(str(error))
        if not first():
            hand_over(error)
        raise
    except RuntimeError as error:
        refusal = run.ranks.refusal() or (handed_over() if first() else None)
        run.ranks.end()
        if refusal:
            raise BadInput(refusal) from error
        if not lost(error):
            raise
        code = 1
        if run.run_id is not None:
            go_on = command("--resume", str(run.run_id), calls=program())
            say(f"another process of this run has ended, and with it the run; go on with: {go_on}")
    except BaseException:
        run.ranks.end()
        raise
    # Lightning's launcher takes any other exit code of a process that it started for a crash, and kills all.
    return Ended(code if first() or launched() else 0, run.run_id)


def why(run: Run, error: BaseException) -> str:
    """Why a run ended early, in a line."""
    if isinstance(error, RuntimeError):
        if refusal := run.ranks.refusal() or handed_over(keep=True):
            error = BadInput(refusal)
        elif lost(error):
            return "another of its processes has ended"
    line = " ".join(without_secrets(str(error)).split())
    named = line if isinstance(error, BadInput | Stopped) else f"{type(error).__name__}: {line}"
    return shortened(named, WHY_CHARACTERS)


def end_early(run: Run, error: BaseException) -> None:
    """What is recorded and printed of a run that stops before its budget is spent."""
    ending()
    pruned = isinstance(error, Pruned)
    if run.logger.has_begun:
        run.logger.set_tags({STATE_TAG: "pruned"} if pruned else {WHY_TAG: why(run, error)})
        run.printed.record(run.logger, "pruned" if pruned else why(run, error))
    run.logger.close()
    if run.trainer is None:
        return
    if not (isinstance(error, Stopped) and error.in_order):
        end_other_processes(run.trainer)
    if pruned:
        say(f"pruned at {run.task.time_steps:,} time steps")
    elif isinstance(error, Stopped):
        go_on = command("--resume", str(run.run_id), calls=program())
        say(f"stopped at {run.task.time_steps:,} time steps{_lost(run)}; go on with: {go_on}")


def _lost(run: Run) -> str:
    """What is trained again, where the last checkpoints could not be written."""
    assert run.trainer is not None
    checkpoints = next(c for c in run.trainer.callbacks if isinstance(c, Checkpoints))  # type: ignore[attr-defined]
    if not checkpoints.unwritten:
        return ""
    saved = checkpoints.saved_time_steps or 0
    return f", of which {run.task.time_steps - saved:,} are lost: the last checkpoint is of {saved:,}"
