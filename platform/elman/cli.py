"""The front door: it answers `elman --help` at once and imports what is heavy only for a command."""

from __future__ import annotations

import difflib
import errno
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from elman import __version__, commands
from elman.errors import BadInput, out_of_memory
from elman.printable import printable
from elman.run.launched import launched, refuse_launcher
from elman.run.refusing import refusing
from elman.run.waiting import share_processors

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
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


INSTEAD = {
    "forecast": "a network trained with data.horizon=12 predicts the 12 rows after the last ones by "
    "`elman predict RUN --stream < rows.csv`, a row for each row it reads"
}
"""What there is in place of a command that many look for."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the words after `elman`; None: those of this process.

    Returns:
        The exit code: 0 done, 2 bad input, 130 interrupted, 143 terminated, 141 its output was closed.
    """
    try:
        code = _answer(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
        return code
    except BadInput as error:
        _refuse(printable(" ".join(str(error).splitlines())))
        return 2
    except SystemExit as done:  # the way argparse leaves after --help and --print_config
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    except KeyboardInterrupt:
        print("elman: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        _drop_output()
        return 141
    except (MemoryError, RuntimeError, OSError) as error:
        line = _beyond_the_machine(error)
        if line is None:
            raise
        _refuse(line)
        try:
            sys.stdout.flush()
        except OSError:
            _drop_output()
        return 2


def _refuse(line: str) -> None:
    """Print why, once for all processes."""
    with refusing(line) as prints:
        if prints:
            print(f"elman: error: {line}", file=sys.stderr, flush=True)


def run() -> NoReturn:
    """The program: `main`, and an end that waits for no store."""
    code = main()
    sender = sys.modules.get("elman.tracking.sender")
    if sender is not None and sender.stuck:  # Python would wait for MLflow's threads, which wait for a store
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _drop_output() -> None:
    """Python flushes stdout once more at exit and would complain there."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _beyond_the_machine(error: Exception) -> str | None:
    """The line for an error of too little memory or disk; None: it is another error."""
    if isinstance(error, OSError) and error.errno in FULL:
        place = f" at {error.filename}" if error.filename else ""
        return f"the disk is full or over its quota{place} ({error.strerror}); make room, or write elsewhere"
    return out_of_memory(error)


def _answer(words: list[str]) -> int:
    command, *args = words or ["--help"]
    if command == "--version":
        print(f"elman {__version__}")
        return 0
    there = commands.names()
    if command in ("--help", "-h"):
        width = max(map(len, there))
        lines = [f"  {name:<{width}}  {commands.find(name).line}" for name in there]
        print(HELP.format(commands="\n".join(lines)), end="")
        return 0
    if command not in there:
        near = difflib.get_close_matches(command, there, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'?" if near else f"the commands are {', '.join(there)}"
        hint = INSTEAD.get(command, hint)
        raise BadInput(f"there is no command {command!r}; {hint}")
    chosen = commands.find(command)
    if {"-h", "--help"} & set(args):
        print(chosen.help())
        return 0
    if "" not in sys.path:
        # A recipe may name classes of the working folder; it comes last, so that no file there stands in for
        # a module of ours or of a library.
        sys.path.append("")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # what is trained here stays here
    share_processors()
    if not chosen.together:
        refuse_launcher(command)
    elif launched() is not None:
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # or 30 lines follow a kill
    return chosen(args)
