"""How this program is called, for hints that a user can paste."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

MODULE = ("elman", "__main__.py")  # of `python -m elman`


def program() -> str:
    """`elman` where the shell finds this one by that name, else the words that have called it."""
    typed, found = Path(sys.argv[0]), shutil.which("elman")
    is_module = typed.parts[-2:] == MODULE
    if not is_module and typed.name not in ("elman", "elman.exe"):
        return "elman"  # called from Python
    own = Path(sys.executable).with_name("elman") if is_module else typed
    if found and os.path.realpath(found) == os.path.realpath(own):
        return "elman"
    return f"{shlex.quote(sys.executable)} -m elman" if is_module else shlex.quote(sys.argv[0])
