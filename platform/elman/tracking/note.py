"""The readable page of a run: what was asked, how, and what came out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

NOTE_CHARACTERS = 8000


def run_note(
    *,
    question: str,
    command: str,
    core: str,
    strategy: str,
    budget: str,
    data: Mapping[str, Any],
    found: Sequence[str] = (),
    results: Mapping[str, Any] | None = None,
    limit: int = NOTE_CHARACTERS,
) -> str:
    """Markdown of at most `limit` characters.

    Results come before the details, so that a cut never takes them; a long question is shortened first.

    Args:
        question: what the run asks, as in the head of its recipe.
        command: as typed.
        core, strategy: class and arguments, as `described` writes them.
        budget: in words and units, "2,000,000 time steps".
        data: the data module's metadata.
        found: lines on what was found in the data.
        results: rows of the table, best value first; None while the run goes on.
    """
    middle = [f"```\n{command}\n```"]
    if results:
        middle.append(_table("result", results))
    details = {"core": f"`{core}`", "strategy": f"`{strategy}`", "budget": budget}
    tail = [_table("set-up", details)]
    if data:
        tail.append(_table("data", data))
    if found:
        tail.append("\n".join(f"- {_cell(line)}" for line in found))
    rest = "\n\n".join([*middle, *tail])
    left = max(limit - len(rest) - 2, 200)
    note = f"{shortened(question.strip(), left)}\n\n{rest}" if question.strip() else rest
    return shortened(note, limit)


def without_measurements(question: str) -> str:
    """The head of a recipe without what it says was measured: of other data, often, and never of this run."""
    found = []
    for paragraph in question.split("\n\n"):
        lines = paragraph.split("\n")
        measured = next((i for i, line in enumerate(lines) if line.lstrip().startswith("Measured")), None)
        if kept := "\n".join(lines[:measured]):
            found.append(kept)
    return "\n\n".join(found)


def described(class_path: str, init_args: Mapping[str, Any] | None = None) -> str:
    """`elman.bptt.Truncated` with its arguments as `Truncated(k1=10, k2=40)`."""
    inner = ", ".join(f"{key}={value!r}" for key, value in (init_args or {}).items())
    return f"{class_path.rsplit('.', 1)[-1]}({inner})"


def shortened(text: str, limit: int) -> str:
    """At most `limit` characters of a text, with an ellipsis where it is cut."""
    return text if len(text) <= limit else text[: limit - 2].rstrip() + "\n…"


def _table(title: str, rows: Mapping[str, Any]) -> str:
    lines = [f"| {title} | |", "| --- | --- |"]
    lines += [f"| {_cell(key)} | {_cell(_shown(value))} |" for key, value in rows.items()]
    return "\n".join(lines)


def _shown(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping | list | tuple):
        return f"`{json.dumps(value, default=str, ensure_ascii=False)}`"
    return str(value)


def _cell(text: str) -> str:
    return shortened(" ".join(text.split()).replace("|", "\\|"), 500)
