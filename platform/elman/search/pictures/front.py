"""What one objective costs in another: all trials, and the front of those that nothing beats in both."""

from __future__ import annotations

from itertools import pairwise

from elman.pictures.plot import Dots, Labels, Line, Mark, Panel, Plot
from elman.search.pictures.look import (
    BLUE,
    VERMILLION,
    TooFewError,
    chance,
    direction,
    dots,
    hover,
    objective_reach,
    stairs,
    valued,
)
from elman.search.results.cost_view import with_cost
from elman.search.results.format import trial_name
from elman.search.results.knee import knee
from elman.search.results.named import named
from elman.search.results.review import Review, TrialRow

PARTS = 12  # of a step, between which no text fits


def pareto(review: Review) -> Plot:
    """The first objective against the second.

    Raises:
        TooFewError: with one objective, or fewer than two complete trials that have both.
    """
    if len(review.objectives) < 2:
        raise TooFewError("the study has one objective")
    first, second, *others = review.objectives
    note = f" Seen from the side: of {len(others) + 2} objectives two are shown." if others else ""
    return _plot(
        review,
        first,
        second,
        title=f"{first} against {second}",
        caption="On the stairs lie the trials that no other beats in every objective, with their numbers; at "
        f"the knee, more of one stops buying much of the other.{note}",
    )


def cost(review: Review) -> Plot:
    """The only objective against what a trial cost.

    Raises:
        TooFewError: with several objectives, or fewer than two complete trials whose cost is known.
    """
    if len(review.objectives) > 1:
        raise TooFewError("the study has several objectives; see pareto")
    priced = with_cost(review)
    if priced is None:
        raise TooFewError("no cost was measured")
    first, second = priced.objectives
    return _plot(
        priced,
        first,
        second,
        title=f"{first} against its cost",
        caption="On the stairs lie the trials that no other beats in both, with their numbers; at the knee, "
        "more cost stops buying much.",
    )


def _plot(review: Review, first: str, second: str, *, title: str, caption: str) -> Plot:
    trials = valued(review.complete, first, second)
    if len(trials) < 2:
        raise TooFewError("needs two complete trials")
    if len({trial.metric(second) for trial in trials}) < 2:
        raise TooFewError(f"{second} is the same in all complete trials")

    def point(trial: TrialRow) -> tuple[float, float]:
        return trial.measured(second), trial.measured(first)

    x, y = objective_reach(review, trials, second), objective_reach(review, trials, first)
    front = sorted(review.pareto(), key=point)
    on, bend = {trial.number for trial in front}, knee(review)
    others = [trial for trial in trials if trial.number not in on]
    marks: list[Mark] = list(dots(review, others, lambda t: point(t)[0], lambda t: point(t)[1]))
    if front:
        up = review.objectives[second] == "maximize"
        steps = [point(trial) for trial in front]
        ends = [(x.ends[0], steps[0][1]), *steps] if up else [*steps, (x.ends[1], steps[-1][1])]
        line_x, line_y = stairs(ends, early=up)
        marks.append(Line(x=line_x, y=line_y, colour=VERMILLION))
        marks.append(
            Dots(
                x=[a for a, _ in steps],
                y=[b for _, b in steps],
                name="front",
                colour=VERMILLION,
                size=1.2,
                texts=[hover(review, trial) for trial in front],
            )
        )
        line = list(zip(line_x, line_y, strict=True))
        marks.append(_labels(review, front, line, first=first, second=second))
    if bend is not None:
        a, b = point(bend)
        ring = f"knee: trial {bend.number}"
        marks.append(Dots(x=[a], y=[b], name=ring, colour=VERMILLION, hollow=True, size=2.2))
    for trial in _answer(review):
        if trial.number != getattr(bend, "number", None) and trial in trials:
            a, b = point(trial)
            ring = f"named: trial {trial.number}"
            marks.append(Dots(x=[a], y=[b], name=ring, colour=BLUE, hollow=True, size=2.2))
    far = len([t for t in trials if not _is_inside(point(t), x.ends, y.ends)])
    note = f" {far} far worse {'lies' if far == 1 else 'lie'} beyond the edge." if far else ""
    return Plot(
        title=title,
        caption=caption + note,
        legend_above=True,
        panels=(
            Panel(
                x=direction(review, second),
                y=direction(review, first),
                marks=(*marks, *chance(review, y)),
                **x.panel("x"),
                **y.panel("y"),
            ),
        ),
    )


def _labels(
    review: Review, front: list[TrialRow], line: list[tuple[float, float]], *, first: str, second: str
) -> Labels:
    """Texts of the front alone: the knee and the best choose first, and say their values too."""
    special = [trial.number for trial in (knee(review), *_answer(review), review.best()) if trial is not None]
    order = sorted(
        range(len(front)),
        key=lambda i: special.index(n) if (n := front[i].number) in special else len(special),
    )
    texts = [
        trial_name(front[i].number, front[i].values if front[i].number in special else {}) for i in order
    ]
    up, right = (review.objectives[name] == "maximize" for name in (first, second))
    return Labels(
        x=[front[i].measured(second) for i in order],
        y=[front[i].measured(first) for i in order],
        texts=[text.removeprefix("#") for text in texts],
        clear_of=_along(line),
        # Nothing lies on that side of a front.
        liked=f"{'top' if up else 'bottom'} {'right' if right else 'left'}",
    )


def _answer(review: Review) -> list[TrialRow]:
    """The trial that the study names, unless that is the best observed."""
    found = named(review)
    return [found.trial] if found is not None and found.how != "observed" else []


def _along(line: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points on a staircase, which no text may cover."""
    return [
        (x + (next_x - x) * i / PARTS, y + (next_y - y) * i / PARTS)
        for (x, y), (next_x, next_y) in pairwise(line)
        for i in range(1, PARTS)
    ]


def _is_inside(point: tuple[float, float], x: tuple[float, float], y: tuple[float, float]) -> bool:
    return x[0] <= point[0] <= x[1] and y[0] <= point[1] <= y[1]
