"""Runs every line of `commands.txt` as a command of elman: two processes are started once for all of them."""

import shlex
import sys
from pathlib import Path

from elman.cli import main

if __name__ == "__main__":
    sys.exit(max(main(shlex.split(line)) for line in Path("commands.txt").read_text().splitlines()))
