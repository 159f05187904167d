"""The curves of a group: each run, the mean of those that learned, and the band of their spread."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, stdev

from elman.groups.results import Curve, Result, Summary
from elman.pictures.plot import Band, Line, Mark, Panel, Plot, Rule
from elman.tracking.floor import floors_of

ALSO = ("val/accuracy",)  # beside what is monitored
DECADES = 30.0  # between the smallest and the largest value: beyond, the axis is logarithmic
SINGLE, APART, MEAN = 6, 1, 0  # places in the colours


def mean_curve(curves: Sequence[Curve]) -> list[tuple[int, float, float]]:
    """(time step, mean, standard deviation) at the time steps that all curves have; 0 of a single one."""
    known = [dict(curve) for curve in curves]
    steps = sorted(set.intersection(*(set(each) for each in known))) if known else []
    values = {step: [each[step] for each in known] for step in steps}
    return [(s, fmean(v), stdev(v) if len(v) > 1 else 0.0) for s, v in values.items()]


def curves_plot(summary: Summary, title: str) -> Plot | None:
    """What is monitored over time, and accuracy where there is one; None: there is no point yet."""
    there = {name for each in summary.results for name, curve in each.curves.items() if curve}
    wanted = dict.fromkeys([*([summary.metric] if summary.metric else []), *ALSO])
    shown = [metric for metric in wanted if metric in there]
    panels = tuple(_panel(summary, each, title=each if len(shown) > 1 else "") for each in shown)
    if not panels:
        return None
    apart = sum(each.ended and not each.counts for each in summary.results)
    caption = (
        f"Grey lines are single {summary.varies}s, the blue one is their mean, the band one standard "
        "deviation to each side, as far as a run reaches."
    )
    if apart:
        caption += f" {apart} that did not learn, broken lines, are in neither."
    return Plot(title=f"{title}: {summary.headline()}", caption=caption, panels=panels)


def _panel(summary: Summary, metric: str, *, title: str) -> Panel:
    counted = [each for each in summary.results if each.counts and each.curves.get(metric)]
    apart = [each for each in summary.results if each.ended and not each.counts and each.curves.get(metric)]
    others = [each for each in summary.results if not each.ended and each.curves.get(metric)]
    everything = [value for each in (*counted, *apart, *others) for _, value in each.curves[metric]]
    log_y = min(everything) > 0 and max(everything) > DECADES * min(everything)
    found = mean_curve([each.curves[metric] for each in counted])
    marks: list[Mark] = []
    if len(counted) > 1:
        marks.append(band(found, [each.curves[metric] for each in counted]))
    marks += [_line(each, metric, colour=SINGLE) for each in (*counted, *others)]
    for number, each in enumerate(apart):
        marks.append(_line(each, metric, colour=APART, dash=1, name="" if number else "did not learn"))
    if len(counted) > 1:
        x, y = [float(step) for step, _, _ in found], [mean for _, mean, _ in found]
        marks.append(Line(x=x, y=y, name=f"mean of {len(counted)}", colour=MEAN))
    floor = next((f[metric] for each in summary.results if metric in (f := floors_of(each.row.tags))), None)
    if floor is not None:
        marks.append(Rule(at=floor, text="a constant answer", level=True))
    return Panel(x="time steps", y=metric, marks=tuple(marks), log_y=log_y, title=title)


def band(found: Sequence[tuple[int, float, float]], curves: Sequence[Curve], *, colour: int = MEAN) -> Band:
    """One standard deviation to each side; no run has been beyond the smallest and the largest value."""
    values = [dict(curve) for curve in curves]
    ends = [(min(each[s] for each in values), max(each[s] for each in values)) for s, _, _ in found]
    return Band(
        x=[float(step) for step, _, _ in found],
        low=[max(mean - sd, low) for (_, mean, sd), (low, _) in zip(found, ends, strict=True)],
        high=[min(mean + sd, high) for (_, mean, sd), (_, high) in zip(found, ends, strict=True)],
        colour=colour,
    )


def _line(each: Result, metric: str, *, colour: int, dash: int = 0, name: str = "") -> Line:
    steps, values = zip(*each.curves[metric], strict=True)
    return Line(x=[float(step) for step in steps], y=list(values), colour=colour, dash=dash, name=name)
