"""How a run ends: its exit code, and what is recorded, printed and handed on where it does not end well."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from elman.errors import BadInput
from elman.program import program
from elman.run.context import Run
from elman.run.parallel import end_other_processes, hand_over, handed_over, is_first_process
from elman.run.protocol import PRUNED_CODE
from elman.run.stop import Stopped, stoppable
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
        code: the exit code: 0 done, 130 or 143 stopped by Ctrl-C or SIGTERM, 75 pruned by the search it is
            part of.
        run_id: in the store; None where it never began there.
    """

    code: int
    run_id: str | None


def ended(run: Run, stages: Callable[[], None]) -> Ended:
    """Go through the stages; how that ended.

    Raises:
        BadInput: for what the user can mend, on whichever process it was found.
    """
    code = 0
    try:
        with stoppable(), releasing():
            stages()
    except Pruned:
        code = PRUNED_CODE
    except Stopped as stopped:
        code = 128 + stopped.number
    except BadInput as error:
        if not is_first_process():
            hand_over(error)
        raise
    except RuntimeError as error:  # of a collective that another process has left
        if is_first_process() and (refusal := handed_over()):
            raise BadInput(refusal) from error
        raise
    # The launcher takes any other exit code of a process that it started for a crash, and kills all.
    return Ended(code if is_first_process() else 0, run.run_id)


def why(error: BaseException) -> str:
    """Why a run ended early, in a line."""
    if isinstance(error, RuntimeError):  # of a collective that another process has left
        error = BadInput(refusal) if (refusal := handed_over(keep=True)) else error
    line = " ".join(without_secrets(str(error)).split())
    named = line if isinstance(error, BadInput | Stopped) else f"{type(error).__name__}: {line}"
    return shortened(named, WHY_CHARACTERS)


def end_early(run: Run, error: BaseException) -> None:
    """What is recorded and printed of a run that stops before its budget is spent."""
    pruned = isinstance(error, Pruned)
    if pruned:
        run.logger.set_tags({STATE_TAG: "pruned"})
    else:
        run.logger.set_tags({WHY_TAG: why(error)})
    run.logger.close()
    if run.trainer is None:
        return
    if not (isinstance(error, Stopped) and error.in_order):
        end_other_processes(run.trainer)
    if pruned:
        say(f"pruned at {run.task.time_steps:,} time steps")
    elif isinstance(error, Stopped):
        go_on = command("--resume", str(run.run_id), calls=program())
        say(f"stopped at {run.task.time_steps:,} time steps; go on with: {go_on}")
