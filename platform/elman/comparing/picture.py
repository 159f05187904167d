"""A comparison as a picture: mean curves with their bands, and the difference in each pair."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from pathlib import Path

from elman.comparing.sentence import sentences, unit
from elman.comparing.verdict import Arm, Comparison, Pair
from elman.errors import BadInput
from elman.groups.curves import DECADES, band, mean_curve
from elman.pictures.plot import COLOURS, Band, Dots, Line, Mark, Panel, Plot, Rule

KINDS = (".png", ".svg", ".pdf", ".html")


def comparison_plot(found: Comparison) -> Plot:
    """The recipes over time on the left, what lies between them on the right."""
    panels = [panel for panel in (_curves(found), _differences(found)) if panel is not None]
    caption = (
        "Left: the mean over the runs that learned, and one standard deviation to each side. Right: a dot "
        "for each pair of runs, a band for the 95 % interval of their mean; at zero there is no difference."
    )
    if len(panels) < 2:
        caption = "The mean over the runs that learned, and one standard deviation to each side."
    return Plot(title=sentences(found)[0], caption=caption, panels=tuple(panels))


def save(plot: Plot, file: str) -> None:
    """Draw it into a file, whose suffix names the kind.

    Raises:
        BadInput: for another suffix.
    """
    path = Path(file)
    refuse_kind(file)
    if path.suffix == ".html":
        from elman.pictures.on_screen import on_screen
        from elman.pictures.page import card, page

        text = page(plot.title, [card("comparison", plot.title, plot.caption, on_screen(plot))])
        path.write_text(text, encoding="utf-8")
        return
    from elman.pictures.on_paper import on_paper

    on_paper(plot).savefig(path)


def refuse_kind(file: str) -> None:
    """Raise `BadInput` for a picture of a kind that there is not."""
    if Path(file).suffix not in KINDS:
        raise BadInput(f"--output={file}: a picture is one of {', '.join(KINDS)}; name such a file")
    if not Path(file).absolute().parent.is_dir():
        raise BadInput(f"--output={file}: there is no folder {Path(file).parent}; make it first")


def _colour(found: Comparison, arm: Arm) -> int:
    return [each.name for each in found.arms].index(arm.name) % (len(COLOURS) - 1)


def _curves(found: Comparison) -> Panel | None:
    marks: list[Mark] = []
    values: list[float] = []
    for arm in found.arms:
        curves = [each.curve for each in arm.counted.values() if each.curve]
        if not curves or len(found.metric) == 0:
            continue
        mean, colour = mean_curve(curves), _colour(found, arm)
        if len(curves) > 1:
            marks.append(band(mean, curves, colour=colour))
        x, y = [float(step) for step, *_ in mean], [value for _, value, _ in mean]
        marks.append(Line(x=x, y=y, name=f"{arm.name} ({len(curves)})", colour=colour, marked=len(x) == 1))
        values += [value for curve in curves for _, value in curve if isfinite(value)]
    if not values:
        return None
    log_y = min(values) > 0 and max(values) > DECADES * min(values)
    if found.floor is not None:
        marks.append(Rule(at=found.floor, text="a constant answer", level=True))
    return Panel(x="time steps", y=found.metric, marks=tuple(marks), title="curves", log_y=log_y)


def _differences(found: Comparison) -> Panel | None:
    """Of the best to each other one."""
    best = found.ranked[0]
    pairs = [pair for pair in found.pairs if best.name in (pair.first.name, pair.second.name)]
    marks: list[Mark] = []
    for number, pair in enumerate(pairs):
        other = pair.second if pair.first.name == best.name else pair.first
        name = other.name if len(pairs) > 1 else ""
        marks += _marks(pair, best, number, name=name, colour=_colour(found, other))
    if not marks:
        return None
    marks.append(Rule(at=0.0, text="no difference", level=True))
    x = "pair, by seed and fold"
    return Panel(
        x=x,
        y=f"behind {best.name}, {unit(found.metric).removeprefix('of ')}",
        marks=tuple(marks),
        title="pairs",
    )


def _marks(pair: Pair, best: Arm, number: int, *, name: str, colour: int) -> list[Mark]:
    difference = pair.difference
    if difference is None or not difference.paired:
        return []
    other = pair.second if pair.first.name == best.name else pair.first
    both = [member for member in best.counted if member in other.counted]
    values = _gaps(best, other, both)
    places = [index + 1 + 0.12 * number for index in range(len(both))]
    marks: list[Mark] = [
        Dots(x=places, y=values, name=name, colour=colour, texts=[str(member) for member in both])
    ]
    if difference.low is not None and difference.high is not None:
        ends = (difference.low, difference.high)
        if pair.first.name != best.name:
            ends = (-ends[1], -ends[0])
        across = [0.6, len(both) + 0.4]
        marks.insert(0, Band(x=across, low=[ends[0]] * 2, high=[ends[1]] * 2, colour=colour))
    return marks


def _gaps(best: Arm, other: Arm, both: Sequence[object]) -> list[float]:
    return [(other.counted[m].value or 0.0) - (best.counted[m].value or 0.0) for m in both]  # type: ignore[index]
