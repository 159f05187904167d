"""How this program is called, for hints that a user can paste."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

MODULE = ("elman", "__main__.py")  # of `python -m elman`


NAMES = ("elman", "elman.exe")


def is_program(word: str) -> bool:
    """Whether the first word of a command is this program, by its own name or as a module."""
    return Path(word).name in NAMES or Path(word).parts[-2:] == MODULE


def program() -> str:
    """`elman` where the shell finds this one by that name, else the words that have called it."""
    typed, found = Path(sys.argv[0]), shutil.which("elman")
    is_module = typed.parts[-2:] == MODULE
    if not is_program(sys.argv[0]):
        return "elman"  # called from Python
    own = Path(sys.executable).with_name("elman") if is_module else typed
    if found and os.path.realpath(found) == os.path.realpath(own):
        return "elman"
    return f"{shlex.quote(sys.executable)} -m elman" if is_module else shlex.quote(sys.argv[0])
