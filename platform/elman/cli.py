"""The front door: it answers `elman --help` at once and opens the heavy rooms only for a command."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Sequence

from elman import __version__
from elman.errors import BadInput

COMMANDS = {
    "fit": "train a recipe, tracked; or continue a run with --resume",
    "validate": "score a run or a checkpoint on the validation data",
    "test": "score a run or a checkpoint on the test data",
    "search": "tune values of a recipe over many trials at once",
    "crossvalidate": "train a recipe once for every fold of its data",
    "predict": "write the predictions of a run or a checkpoint",
    "sample": "let a run or a checkpoint write a text of its own",
    "credit": "show which loss a strategy charges to which step",
    "runs": "list the runs of an experiment, or mark some of them as deleted",
    "diff": "show what differs between two runs",
    "rerun": "train a run's recipe once more and compare",
    "best": "name the best trial or run of an experiment and its recipe",
    "report": "write what a study has found as one HTML file",
    "ui": "open the dashboard of all runs",
}

HELP = """\
elman: train recurrent networks, tracked.

usage: elman COMMAND [RECIPE ...] [--key=value ...]

commands:
{commands}

examples:
  elman fit RECIPE.yaml
  elman fit RECIPE.yaml --model.bptt=Truncated --model.bptt.k1=20 --model.bptt.k2=40
  elman fit RECIPE.yaml --resume [RUN]
  elman sample RUN|CHECKPOINT
  elman ui

Options may come in any order. Several recipes are merged, the later ones win.
'elman COMMAND --help' lists what a command takes; 'elman --version' names the version.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the words after `elman`; None: those of this process.

    Returns:
        The exit code: 0 done, 2 bad input, 130 interrupted, 143 terminated, 141 nobody reads any more.
    """
    try:
        code = _answer(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
        return code
    except BadInput as error:
        print(f"elman: error: {' '.join(str(error).splitlines())}", file=sys.stderr)
        return 2
    except SystemExit as done:  # the way argparse leaves after --help and --print_config
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    except KeyboardInterrupt:
        print("elman: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Python flushes stdout once more at exit and would complain there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _answer(words: list[str]) -> int:
    command, *args = words or ["--help"]
    if command in ("--help", "-h"):
        width = max(map(len, COMMANDS))
        print(
            HELP.format(commands="\n".join(f"  {n:<{width}}  {line}" for n, line in COMMANDS.items())), end=""
        )
        return 0
    if command == "--version":
        print(f"elman {__version__}")
        return 0
    if command not in COMMANDS:
        near = difflib.get_close_matches(command, COMMANDS, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'?" if near else f"the commands are {', '.join(COMMANDS)}"
        raise BadInput(f"there is no command {command!r}; {hint}")

    from elman.commands.run import run

    return run(command, args)
