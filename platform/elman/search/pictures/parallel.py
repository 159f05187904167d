"""Every complete trial as a line through all its values, its cost and its objective."""

from __future__ import annotations

from dataclasses import replace

from elman.pictures.plot import Bundle, Labels, Line, Mark, Panel, Plot, Scale
from elman.search.pictures.axis import ABSENT, Axis, number_axis, value_axis
from elman.search.pictures.look import (
    GREY,
    VERMILLION,
    Reach,
    TooFewError,
    hover,
    objective_reach,
    reach,
    winner,
)
from elman.search.results.cost_view import SECONDS
from elman.search.results.format import cost_name, labels, short
from elman.search.results.review import Review, TrialRow


def parallel(review: Review) -> Plot:
    """Parallel coordinates: k2 in place of its multiple, since that is what is looked back.

    Raises:
        TooFewError: with fewer than two complete trials or only one label.
    """
    trials = [trial for trial in review.complete if trial.metric(review.objective) is not None]
    if len(trials) < 2:
        raise TooFewError("needs two complete trials")
    names = [
        label
        for label in labels(review, multiples=False)
        if len({str(trial.values.get(label)) for trial in trials}) > 1
    ]
    if not names:
        raise TooFewError("all complete trials have the same values")
    up = review.objectives[review.objective] == "maximize"
    shown = objective_reach(review, trials)
    trials.sort(key=lambda t: (t.measured(review.objective), -t.number), reverse=not up)  # the best on top
    axes = [value_axis(review, name, [trial.values.get(name) for trial in trials]) for name in names]
    axes += [*_cost(review, trials), _metric(review.objective, trials, shown)]
    scale = Scale(
        name=review.objective, low=shown.low, high=shown.high, log=shown.log, best="high" if up else "low"
    )
    places = list(range(len(axes)))
    best, name = winner(review) or (None, "")
    marks: list[Mark] = [
        Bundle(
            lines=[(places, [axis.at[i] for axis in axes]) for i in range(len(trials))],
            values=[trial.measured(review.objective) for trial in trials],
            scale=scale,
            texts=[hover(review, trial) for trial in trials],
        )
    ]
    for i, trial in enumerate(trials):
        if best is not None and trial.number == best.number:
            y = [axis.at[i] for axis in axes]
            marks.append(Line(x=places, y=y, name=name, colour=VERMILLION, width=1.8, marked=True))
    marks += [Line(x=[k, k], y=[0, 1], colour=GREY, width=0.6) for k in places]
    marks.append(
        Labels(
            x=[k for k, axis in enumerate(axes) for _ in axis.ticks],
            y=[at for axis in axes for at, _ in axis.ticks],
            texts=[text for axis in axes for _, text in axis.ticks],
            liked="middle right",
            fixed=True,
        )
    )
    return Plot(
        title="All values at once",
        caption="A line is a complete trial, coloured by its first objective from orange (best) to blue; "
        "'none' where a value does not apply to it.",
        legend_above=True,
        wide=True,
        panels=(
            Panel(
                x="",
                y="",
                marks=tuple(marks),
                x_from=-0.1,
                x_to=len(axes) - 0.5,
                y_from=-0.18 if any(ABSENT in axis.at for axis in axes) else -0.06,
                y_to=1.06,
                x_ticks=[(k, short(axis.label, 22)) for k, axis in enumerate(axes)],
                bare=True,
            ),
        ),
    )


def _cost(review: Review, trials: list[TrialRow]) -> list[Axis]:
    """The second objective if that is a cost, else what a trial cost where that is known and differs."""
    second = list(review.objectives)[1:2] if len(review.objectives) > 1 else [cost_name(review) or SECONDS]
    for name in [*second, SECONDS]:
        values = [t.seconds if name == SECONDS else t.metric(name) for t in trials]
        known = [value for value in values if value is not None]
        if len(set(known)) > 1:
            label = name.removeprefix("cost/").replace("_", " ")
            return [_axis(label, values, reach(known, maximize=False))]
    return []


def _metric(name: str, trials: list[TrialRow], shown: Reach) -> Axis:
    return _axis(name.removeprefix("val/"), [trial.measured(name) for trial in trials], shown)


def _axis(label: str, values: list[float | None], shown: Reach) -> Axis:
    """Numbers, those far worse at the end with a mark at its tick."""
    known = [value for value in values if value is not None]
    inside = [None if value is None else shown.within(value) for value in values]
    found = number_axis(label, inside, log=shown.log)
    ticks = []
    for place, text in found.ticks:
        over = place == 1 and max(known) > shown.high
        under = place == 0 and min(known) < shown.low
        ticks.append((place, f"{'≥ ' if over else '≤ ' if under else ''}{text}"))
    return replace(found, ticks=ticks)
