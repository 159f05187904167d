"""Runs every line of a file as a command of elman, so that processes are started once for all of them."""

import shlex
import sys
from pathlib import Path

from elman.cli import main

if __name__ == "__main__":
    sys.exit(max(main(shlex.split(line)) for line in Path(sys.argv[1]).read_text().splitlines()))
