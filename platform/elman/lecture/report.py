"""The lecture as one page, pictures beside it, and its numbers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from pathlib import Path

from elman.lecture.claim import Claim, Numbers
from elman.pictures.page import card, page


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A claim that was measured.

    Args:
        claim: it.
        found: its numbers.
        text: its sentence, or what was measured instead.
        holds: whether the numbers bear it out.
        commands: that train the same networks.
        seconds: it took.
    """

    claim: Claim
    found: Numbers
    text: str
    holds: bool
    commands: Sequence[str]
    seconds: float


def write(shown: Sequence[Shown], folder: Path, *, machine: str) -> list[Path]:
    """`lecture.html`, `lecture.json`, and a PNG of every claim.

    Args:
        folder: made if it is not there.
        machine: a line on where it was measured.
    """
    from PIL import Image

    from elman.pictures.on_paper import on_paper

    folder.mkdir(parents=True, exist_ok=True)
    pictures = []
    for one in shown:
        path = folder / f"{one.claim.name}.png"
        drawn = BytesIO()
        on_paper(one.claim.plot(one.found)).savefig(drawn)
        few_colours = Image.open(drawn).convert("RGB").quantize(64)  # a quarter of the bytes
        few_colours.save(path, optimize=True)
        pictures.append(path)
    numbers = folder / "lecture.json"
    numbers.write_text(json.dumps(_numbers(shown, machine), indent=1), encoding="utf-8")
    html = folder / "lecture.html"
    html.write_text(_page(shown, machine), encoding="utf-8")
    return [html, numbers, *pictures]


def _numbers(shown: Sequence[Shown], machine: str) -> dict:
    claims = {
        one.claim.name: {
            "question": one.claim.question,
            "holds": one.holds,
            "sentence": one.text,
            "seconds": round(one.seconds, 1),
            "commands": list(one.commands),
            "numbers": one.found,
        }
        for one in shown
    }
    return {"machine": machine, "claims": claims}


def _page(shown: Sequence[Shown], machine: str) -> str:
    seconds = sum(one.seconds for one in shown)
    contents = "".join(
        f'<li><a href="#claim-{one.claim.name}">{escape(one.claim.question)}</a></li>' for one in shown
    )
    return page(
        "Recurrent networks and time",
        [
            '<header><p class="quiet">Lecture</p><h1>Recurrent networks and time</h1></header>',
            f'<section class="answer"><ol>{contents}</ol>'
            f'<p class="quiet">Every number below was measured by <code>elman lecture</code> in '
            f"{seconds / 60:.1f} minutes, on {escape(machine)}.</p></section>",
            *(_section(number, one) for number, one in enumerate(shown, start=1)),
        ],
    )


def _section(number: int, shown: Shown) -> str:
    from elman.pictures.on_screen import on_screen

    claim, plot = shown.claim, shown.claim.plot(shown.found)
    picture = card(claim.name, plot.title, plot.caption, on_screen(plot))
    failed = "" if shown.holds else '<p class="chip failed">does not hold in these numbers</p>'
    commands = "\n".join(shown.commands)
    again = (
        f"<details><summary>The networks, one by one: {len(shown.commands)} commands</summary>"
        f'<div class="scroll"><pre>{escape(commands)}</pre></div></details>'
        if commands
        else ""
    )
    return (
        f'<section class="claim" id="claim-{claim.name}"><h2>{number}. {escape(claim.question)}</h2>'
        f'<p class="quiet">{escape(claim.setting)}</p>{picture}{failed}'
        f'<p class="lead">{escape(shown.text)}</p>'
        f'<p class="quiet">{shown.seconds:.0f} s; again: <code>elman lecture --only={claim.name}</code></p>'
        f"{again}</section>"
    )
