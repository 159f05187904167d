"""Starting `elman` between two pipes, as a shell does."""

import os
import sys

import torch
from launching import PATIENCE_SECONDS, default_signals, processes


def _main(words, incoming, outgoing, errors):
    default_signals()
    for path, flags, descriptor in [
        (incoming, os.O_RDONLY, 0),
        (outgoing, os.O_WRONLY, 1),
        (errors, os.O_WRONLY | os.O_CREAT, 2),
    ]:
        os.dup2(os.open(path, flags), descriptor)
    sys.stdin, sys.stdout = os.fdopen(0), os.fdopen(1, "w")
    torch.set_num_threads(1)
    from elman.cli import main

    sys.exit(main(words))


class Piped:
    """A running `elman WORDS...`: bytes go in by `write`, lines come out of `lines`."""

    def __init__(self, folder, *words):
        self.errors = folder / "errors.txt"
        pipes = [folder / name for name in ("in.pipe", "out.pipe")]
        for pipe in pipes:
            os.mkfifo(pipe)
        self.process = processes.Process(target=_main, args=(words, *pipes, self.errors))
        self.process.start()
        self._in = os.open(pipes[0], os.O_WRONLY)
        self.lines = os.fdopen(os.open(pipes[1], os.O_RDONLY), "rb", buffering=0)

    def write(self, data):
        os.write(self._in, data)

    def wait(self):
        """The exit code."""
        self.process.join(PATIENCE_SECONDS)
        return self.process.exitcode

    def end(self):
        """Kill what still runs, and close the pipes."""
        if self.process.is_alive():
            self.process.kill()
        self.process.join()
        os.close(self._in)
        self.lines.close()
