"""What a check says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

OK, WARNING, BROKEN = "ok", "warning", "broken"


class Finding(NamedTuple):
    """One thing that was looked at.

    Args:
        what: it is, in a word or two.
        state: OK; WARNING: runs work, but something is worth knowing; BROKEN: runs fail or something is lost.
        found: what it is like, in a line.
        way_out: what to do; "": nothing.
    """

    what: str
    state: str
    found: str
    way_out: str = ""


class Place(NamedTuple):
    """Where is looked.

    Args:
        uri: of the store, as it was given; None: as usual.
        checkpoints: folder of runs' checkpoints.
    """

    uri: str | None
    checkpoints: Path


Check = Callable[[Place], list[Finding]]
