"""Which process writes a run, and whether it still lives."""

from __future__ import annotations

import os
import socket
from pathlib import Path

CLOCK_SECONDS = 2.0  # two readings of one start time differ by less, those of two processes by more
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
STATE, START = 0, 19  # fields 3 and 22 of /proc/PID/stat, counted from the one after the program's name
GONE = ("Z", "X")  # states of a process that has ended


def host() -> str:
    """This machine, and in it the space in which process ids count: containers may share a host's name."""
    try:
        space = "-" + "".join(c for c in os.readlink("/proc/self/ns/pid") if c.isdigit())
    except OSError:
        space = ""
    return socket.gethostname().replace(":", "_") + space


def identity() -> str:
    """`host:pid:start`, so that a reused pid is not taken for this process.

    The start is `TICKS@BOOT`: the kernel's ticks from boot to the start of the process, and the beginning of
    the boot's id. Neither moves with the clock. Where the kernel does not tell them it is in seconds since
    1970, as in stores written before.
    """
    boot, fields = boot_id(), _stat(os.getpid())
    if boot is not None and fields is not None:
        return f"{host()}:{os.getpid()}:{fields[START]}@{boot}"
    import psutil

    return f"{host()}:{os.getpid()}:{psutil.Process().create_time():.2f}"


def is_alive(text: str | None) -> bool | None:
    """Whether the process of an `identity` runs; None if it was on another host or the text is none."""
    where, _, rest = (text or "").partition(":")
    pid, _, start = rest.partition(":")
    ticks, _, boot = start.partition("@")
    if where != host() or not pid.isdecimal():
        return None
    if not boot:
        return _is_alive_since(int(pid), start)
    here = boot_id()
    if here is None or not ticks.isdecimal():
        return None
    if boot != here:
        return False
    fields = _stat(int(pid))
    if fields is None:
        return _is_hidden(int(pid))
    return fields[START] == ticks and fields[STATE] not in GONE


def boot_id() -> str | None:
    """The beginning of the id that the kernel draws at each boot; None: it tells none."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()[:8] or None
    except (OSError, UnicodeDecodeError):
        return None


def _stat(pid: int) -> list[str] | None:
    """What /proc/PID/stat holds after the program's name; None: there is no such process, or no /proc."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # the name may hold blanks and brackets
    return fields if len(fields) > START else None


def _is_hidden(pid: int) -> bool:
    """Whether there is such a process, of another user, of which /proc may be set to show nothing."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        pass
    return False


def _is_alive_since(pid: int, start: str) -> bool | None:
    """Of a process whose start is in seconds since 1970, by a clock that may have been set since."""
    import psutil

    try:
        begin = float(start)
        process = psutil.Process(pid)
        same = abs(process.create_time() - begin) < CLOCK_SECONDS
        return same and process.status() != psutil.STATUS_ZOMBIE
    except ValueError:
        return None
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
