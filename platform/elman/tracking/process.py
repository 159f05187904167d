"""Which process writes a run, and whether it still lives."""

from __future__ import annotations

import os
import socket

CLOCK_SECONDS = 2.0  # two readings of one start time differ by less, those of two processes by more


def host() -> str:
    """This machine, and in it the space in which process ids count: containers may share a host's name."""
    try:
        space = "-" + "".join(c for c in os.readlink("/proc/self/ns/pid") if c.isdigit())
    except OSError:
        space = ""
    return socket.gethostname().replace(":", "_") + space


def identity() -> str:
    """`host:pid:start`: start in seconds since 1970, so that a reused pid is not taken for this process."""
    import psutil

    return f"{host()}:{os.getpid()}:{psutil.Process().create_time():.2f}"


def is_alive(text: str | None) -> bool | None:
    """Whether the process of an `identity` runs; None if it was on another host or the text is none."""
    import psutil

    try:
        where, pid, started = (text or "").split(":")
        number, begin = int(pid), float(started)
    except ValueError:
        return None
    if where != host():
        return None
    try:
        process = psutil.Process(number)
        same = abs(process.create_time() - begin) < CLOCK_SECONDS
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
