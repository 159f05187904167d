"""From a command's name to what it does."""

from __future__ import annotations

import importlib
import os
import sys

from elman.commands.help import HELP, OVERRIDDEN, OVERRIDES

ACTIONS = {
    "fit": "elman.commands.training:fit",
    "crossvalidate": "elman.commands.training:crossvalidate",
    "validate": "elman.commands.trained:validate",
    "test": "elman.commands.trained:test",
    "predict": "elman.commands.predict:predict",
    "sample": "elman.commands.trained:sample",
    "credit": "elman.commands.pages:credit",
    "runs": "elman.commands.runs:runs",
    "diff": "elman.commands.difference:diff",
    "rerun": "elman.commands.training:rerun",
    "best": "elman.commands.studies:best",
    "report": "elman.commands.studies:report",
    "search": "elman.commands.searching:search",
    "ui": "elman.commands.pages:ui",
}
"""Where a command is, so that only its own imports are paid for."""


def run(command: str, words: list[str]) -> int:
    """Run one command of `elman.cli.COMMANDS` with the words that follow it; the exit code."""
    if {"-h", "--help"} & set(words):
        print(HELP[command])
        if command in ("fit", "crossvalidate"):
            from elman.commands.training import print_keys

            print_keys()
        elif command == "search":
            from elman.commands.searching import print_keys as print_search_keys

            print_search_keys()
        elif command in OVERRIDDEN:
            print(OVERRIDES)
        return 0
    if "" not in sys.path:
        sys.path.insert(0, "")  # a recipe may name classes of the working folder
    # What is trained here is nobody else's business.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    module, _, name = ACTIONS[command].partition(":")
    return int(getattr(importlib.import_module(module), name)(words))
