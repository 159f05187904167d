"""A study goes on only with the search it was begun with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from elman.errors import BadInput
from elman.search.space.definition import Search
from elman.search.study.kept_study import KeptStudy

IDENTITY = "elman:identity"


def refuse_another(search: Search, kept: KeptStudy) -> None:
    """Compare what is searched with what this study has searched before.

    Raises:
        BadInput: if that was something else.
    """
    mine, notes = search.identity, kept.notes()
    known = notes.get(IDENTITY)
    if known is None:
        kept.note(IDENTITY, json.dumps(mine))
        return
    then = json.loads(known)
    for part, value in mine.items():
        if json.loads(json.dumps(value)) != then.get(part):
            raise BadInput(
                f"study {search.name!r} was begun with {_difference(part, then.get(part), value)}; "
                "give this search another name (--name=NAME), or put the old one back"
            )


def _difference(part: str, then: Any, now: Any) -> str:
    """In words what is not as it was."""
    if part == "recipe":
        return "another base recipe or other options"
    if part != "space":
        return f"{part} {then}, not {now}"
    before = {d["target"]: d for d in then or []}
    after = {d["target"]: d for d in now}
    for target in [*before, *after]:
        if before.get(target) != after.get(target):
            return f"another space ({target}: {_shown(before.get(target))}, now {_shown(after.get(target))})"
    return "another space (its dimensions are in another order)"


def _shown(dimension: Mapping[str, Any] | None) -> str:
    if dimension is None:
        return "not there"
    values = dimension["values"]
    if "low" in values:
        return f"{values['low']} to {values['high']}{' log' if values['log'] else ''}"
    return ", ".join(map(str, values["values"]))
