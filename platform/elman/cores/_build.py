"""The library of _native.c, built where a C compiler is, once for a user and a kind of machine."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import torch

SWITCH = "ELMAN_NATIVE"
"""Environment variable; "off": there is no native kernel."""
FOLDER = "ELMAN_NATIVE_CACHE"
"""Environment variable: the folder of built libraries; `$XDG_CACHE_HOME/elman/native` or `~/.cache/...`."""
SOURCE = Path(__file__).with_name("_native.c")
REALS = {torch.float32: "float", torch.float64: "double"}
FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-shared", "-fPIC")
SECONDS = 120


class NotBuiltError(Exception):
    """There is no library; the text says why, and what would help."""


@cache
def why_not_native(device: str, dtype: torch.dtype) -> str:
    """Why weights of a type on a kind of device have no native kernel; empty: they have one.

    Settled at the first call, which builds what is not built, and kept for the life of the process.
    """
    if device != "cpu":
        return "it runs on CPU alone"
    if dtype not in REALS:
        return f"it computes in 32 and 64 bits, not in {str(dtype).removeprefix('torch.')}"
    try:
        library(dtype)
    except NotBuiltError as error:
        return str(error)
    return ""


@cache
def library(dtype: torch.dtype) -> ctypes.CDLL:
    """_native.c in one of `REALS`, loaded.

    Raises:
        NotBuiltError: if it is switched off, cannot be built or is not to be trusted.
    """
    if os.environ.get(SWITCH, "").lower() in ("off", "0", "false", "no"):
        raise NotBuiltError(f"{SWITCH} is off")
    if os.name != "posix":
        raise NotBuiltError(f"it is not built on {platform.system()}")
    command = shlex.split(os.environ.get("CC", "")) or ["cc"]
    compiler = shutil.which(command[0])
    if compiler is None:
        raise NotBuiltError(f"no C compiler, {command[0]} was not found; install one or set CC")
    flags = [*FLAGS, f"-DREAL={REALS[dtype]}", *command[1:]]
    try:
        folder = _own_folder()
        path = folder / f"{_digest(compiler, flags)}.so"
        if not path.exists():
            _build([compiler, *flags], path)
        _check_owner(path)
        found = ctypes.CDLL(str(path))
    except (OSError, subprocess.SubprocessError) as error:
        raise NotBuiltError(f"{error} ({FOLDER} names another folder)") from error
    found.pack.argtypes = [ctypes.c_int64] * 4 + [ctypes.c_void_p] * 2
    return found


def _own_folder() -> Path:
    named = os.environ.get(FOLDER)
    caches = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    folder = Path(named).expanduser() if named else caches / "elman" / "native"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_owner(folder)
    return folder


def _check_owner(path: Path) -> None:
    """What is loaded runs as this user, so nobody else may have written it."""
    found = path.stat()
    if found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise NotBuiltError(
            f"{path} can be written by others: chmod go-w it, or set {FOLDER} to another folder"
        )


def _digest(compiler: str, flags: list[str]) -> str:
    """Of all that decides what is made; of the compiler its file, which takes no process to read."""
    itself = os.stat(compiler)
    cpu = [platform.machine(), platform.processor()]
    if os.path.exists("/proc/cpuinfo"):
        first = Path("/proc/cpuinfo").read_text(errors="replace").partition("\n\n")[0]
        cpu += [line for line in first.splitlines() if line.startswith(("flags", "Features", "model name"))]
    made_of = [SOURCE.read_text(), os.path.realpath(compiler), itself.st_size, itself.st_mtime_ns, flags, cpu]
    return hashlib.sha256(repr(made_of).encode()).hexdigest()[:32]


def _build(command: list[str], path: Path) -> None:
    """Into a file of its own first: of processes that build at the same time none may load another's half."""
    with tempfile.TemporaryDirectory(dir=path.parent) as place:
        made = Path(place) / path.name
        ran = subprocess.run(
            [*command, "-o", str(made), str(SOURCE)],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
        if ran.returncode:
            said = next((line for line in ran.stderr.splitlines() if "error" in line), "no reason given")
            raise NotBuiltError(f"{command[0]} cannot compile it: {said.strip()[:200]}")
        made.chmod(0o700)
        made.replace(path)
