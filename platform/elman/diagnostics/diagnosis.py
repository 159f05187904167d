"""What meters say about a run: readings, the pictures in files, and one page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from elman.diagnostics.meter import History, Meter, Reading
from elman.diagnostics.verdict import verdict
from elman.errors import BadInput
from elman.pictures.overlay import overlaid
from elman.pictures.page import card, page
from elman.pictures.plot import Plot


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """The readings of one run.

    Args:
        run: its name.
        what: a line on network, strategy and time steps.
        readings: by the meter's name.
        left_out: why a meter was not asked, by its name.
        verdict: what they say together.
    """

    run: str
    what: str
    verdict: str
    readings: Mapping[str, Reading]
    left_out: Mapping[str, str]


def diagnosed(
    task: Any,
    data: Any,
    meters: Sequence[Meter],
    *,
    history: History,
    run: str,
    what: str,
    say: Callable[[str], None],
) -> Diagnosis:
    """Ask every meter that fits; those that do not are told apart, with the reason.

    Args:
        data: set up for validation.
        history: what the run has logged.
        say: told of each reading when it is there.
    """
    readings, left_out = {}, {}
    for meter in meters:
        try:
            if missing := meter.missing(task, data):
                raise BadInput(f"it needs {missing}")
            readings[meter.name] = meter.reading(task, data, history)
        except BadInput as error:
            left_out[meter.name] = str(error)
            say(f"{meter.name}: left out; {error}")
        else:
            say(f"{meter.name}: {readings[meter.name].sentence}")
    together = verdict(task.bptt, readings)
    if together:
        say(f"verdict: {together}")
    return Diagnosis(run=run, what=what, verdict=together, readings=readings, left_out=left_out)


def write(diagnoses: Sequence[Diagnosis], folder: Path, *, titles: Mapping[str, str]) -> list[Path]:
    """`diagnosis.html`, and every picture as PNG and SVG; of several runs, one over the other.

    Args:
        titles: the question of every meter, by its name.
    """
    from elman.pictures.on_paper import on_paper

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    plots = pictures(diagnoses)
    for name, plot in plots.items():
        for suffix in ("png", "svg"):
            path = folder / f"{name}.{suffix}"
            on_paper(plot).savefig(path)
            written.append(path)
    html = folder / "diagnosis.html"
    html.write_text(_page(diagnoses, plots, titles), encoding="utf-8")
    return [html, *written]


def pictures(diagnoses: Sequence[Diagnosis]) -> dict[str, Plot]:
    """By the meter's name; of several runs, of meters that all could be asked of some."""
    found: dict[str, Plot] = {}
    for name in dict.fromkeys(name for one in diagnoses for name in one.readings):
        plots = {one.run: one.readings[name].plot for one in diagnoses if name in one.readings}
        found[name] = next(iter(plots.values())) if len(plots) == 1 else overlaid(plots)
    return found


def _page(diagnoses: Sequence[Diagnosis], plots: Mapping[str, Plot], titles: Mapping[str, str]) -> str:
    from elman.pictures.on_screen import on_screen

    several = len(diagnoses) > 1
    names = " and ".join(one.run for one in diagnoses)
    lines = []
    for one in diagnoses:
        lines.append(f"<h2>{escape(one.run)}</h2>" if several else "")
        lines.append(f'<p class="quiet">{escape(one.what)}</p>')
        lines.append(f'<p class="lead">{escape(one.verdict)}</p>')
        lines.append("<ul>")
        lines += [f"<li>{escape(reading.sentence)}</li>" for reading in one.readings.values()]
        lines.append("</ul>")
        lines += [
            f'<p class="quiet">Not asked: {escape(titles.get(name, name))} {escape(why)}.</p>'
            for name, why in one.left_out.items()
        ]
    cards = [card(name, plot.title, plot.caption, on_screen(plot)) for name, plot in plots.items()]
    return page(
        f"{names}: diagnosis",
        [
            f'<header><p class="quiet">Diagnosis</p><h1>{escape(names)}</h1></header>',
            f'<section class="answer" aria-label="Answer">{"".join(lines)}</section>',
            f'<section><div class="pictures">{"".join(cards)}</div></section>',
        ],
    )
