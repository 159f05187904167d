"""`python -m elman`: the front door, where its script is not on the path."""

from elman.cli import run

run()
