"""Processes that are forked: one that does one thing and waits, and what others must forget."""

import os
import signal
from contextlib import contextmanager


def forget_runs():
    """Take off what runs told the process that forks: whichever test first needed one had made them."""
    for name in list(os.environ):
        if name.startswith("ELMAN_") and name != "ELMAN_NATIVE_CACHE":
            del os.environ[name]


@contextmanager
def in_a_child(call):
    """A forked process that has made a call, and lives until the block ends; its answer is its id."""
    (done, tell), child = os.pipe(), os.fork()
    if not child:
        call()
        os.write(tell, b".")
        signal.pause()
    os.close(tell)
    assert os.read(done, 1) == b"."
    try:
        yield child
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(done)
