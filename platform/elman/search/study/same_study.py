"""A study goes on only with the search it was begun with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from elman.errors import BadInput
from elman.search.space.definition import Search
from elman.search.study.kept_study import BASE, IDENTITY, KeptStudy


def refuse_another(search: Search, kept: KeptStudy) -> None:
    """Compare what is searched with what this study has searched before.

    Raises:
        BadInput: if that was something else.
    """
    mine = json.loads(json.dumps(search.identity))
    known = kept.notes().get(IDENTITY)
    if known is None:
        kept.note(IDENTITY, json.dumps(mine))
        kept.note(BASE, json.dumps(search.base.decisive))
        return
    then = {"value": "best", **json.loads(known)}  # what there was before values could be others
    for part, value in mine.items():
        if value != then.get(part):
            raise BadInput(
                f"study {search.name!r} was begun with {difference(part, then.get(part), value)}; "
                "give this search another name (--name=NAME), or put the old one back"
            )


def difference(part: str, then: Any, now: Any) -> str:
    """In words what is not as it was."""
    if part == "recipe":
        return "another base recipe or other options"
    if part != "space":
        return f"{part} {then}, not {now}"
    before = {d["target"]: d for d in then or []}
    after = {d["target"]: d for d in now}
    for target in [*before, *after]:
        old, new = before.get(target), after.get(target)
        if old != new:
            return f"another space ({target}: {_in_words(old)}, now {_in_words(new)})"
    return "another space (its dimensions are in another order)"


def _in_words(dimension: Mapping[str, Any] | None) -> str:
    if dimension is None:
        return "not there"
    values = dimension["values"]
    if "low" in values:
        return f"{values['low']} to {values['high']}{' log' if values['log'] else ''}"
    return ", ".join(map(str, values["values"]))
