"""Where in the plane of k1 and k2 the good trials lie, for each depth or core."""

from __future__ import annotations

from typing import Any

from elman.pictures.plot import Dots, Labels, Line, Map, Mark, Panel, Plot, Scale
from elman.pictures.ticks import log_ticks, written
from elman.search.pictures.look import GREY, VERMILLION, hover, winner
from elman.search.pictures.plane import Plane, equal, plane_of, split, split_by
from elman.search.pictures.surface import surface
from elman.search.results.review import Review

MOST_LABELS = 150  # of points that carry their trial's number


def k1_k2(review: Review) -> Plot:
    """Trials by k1 and k2, coloured by the first objective; a panel for each depth, or for each core.

    Behind them, where there are enough, is what lies between.

    Raises:
        TooFewError: if no trial has both, or fewer than two complete ones do.
    """
    whole = plane_of(review)
    scale = Scale(
        name=review.objective,
        low=whole.shown.low,
        high=whole.shown.high,
        log=whole.shown.log,
        best="high" if review.objectives[review.objective] == "maximize" else "low",
    )
    planes = split(review, whole)
    numbered = len(whole.complete) <= MOST_LABELS
    numbers = " Points carry their trial's number." if numbered else ""
    return Plot(
        title="k1 and k2" + (f", for each {split_by(planes)}" if len(planes) > 1 else ""),
        caption=f"Complete trials coloured by {review.objective}, orange is best; crosses were pruned. The "
        "ground between them is interpolated, and other values vary too. Below the dashed line k2 would be "
        f"smaller than k1.{numbers}",
        legend_above=True,
        wide=len(planes) > 1,
        panels=tuple(
            _panel(review, plane, scale, title, numbered=numbered, named=not place)
            for place, (title, plane) in enumerate(planes)
        ),
    )


def _panel(review: Review, plane: Plane, scale: Scale, title: str, *, numbered: bool, named: bool) -> Panel:
    marks: list[Mark] = []
    if found := surface(review, plane):
        marks.append(
            Map(x=found.k1, y=found.k2, values=found.values, name=scale.name, scale=scale)  # type: ignore[arg-type]
        )
    if line := equal(plane):
        marks.append(Line(x=line, y=line, name="k2 = k1" if named else "", colour=GREY, dash=1, width=0.7))
    if plane.pruned:
        marks.append(_dots(review, plane, "pruned", colour=GREY, symbol="cross", size=0.8))
    values = [trial.measured(review.objective) for trial in plane.complete]
    marks.append(_dots(review, plane, "complete", values=values, scale=scale, size=1.5))
    answer = winner(review)
    if answer is not None and answer[0] in plane.complete:
        (x, y), ring = plane.place(answer[0]), answer[1]
        marks.append(Dots(x=[x], y=[y], name=ring, colour=VERMILLION, hollow=True, size=2.4))
    if numbered:
        marks.append(_numbers(plane))
    return Panel(
        x=f"{plane.k1} (time steps)",
        y=f"{plane.k2} (time steps)",
        marks=tuple(marks),
        title=title,
        **_axis("x", plane.bounds[0], log=plane.log[0]),
        **_axis("y", plane.bounds[1], log=plane.log[1]),
    )


def _dots(review: Review, plane: Plane, what: str, **look: Any) -> Dots:
    trials = plane.pruned if what == "pruned" else plane.complete
    points = [plane.place(trial) for trial in trials]
    texts = [hover(review, trial) for trial in trials]
    name = "" if "scale" in look else what
    return Dots(x=[x for x, _ in points], y=[y for _, y in points], texts=texts, name=name, **look)


def _numbers(plane: Plane) -> Labels:
    """One text for all trials at one point, the best named first."""
    at: dict[tuple[float, float], list[str]] = {}
    for trial in reversed(plane.complete):
        at.setdefault(plane.place(trial), []).append(str(trial.number))
    texts = [", ".join(numbers[:3]) + ("…" if len(numbers) > 3 else "") for numbers in at.values()]
    return Labels(x=[x for x, _ in at], y=[y for _, y in at], texts=texts)


def _axis(axis: str, bounds: tuple[float, float], *, log: bool) -> dict[str, Any]:
    found: dict[str, Any] = {f"{axis}_from": bounds[0], f"{axis}_to": bounds[1], f"log_{axis}": log}
    if log:
        found[f"{axis}_ticks"] = [(tick, written(tick)) for tick in log_ticks(*bounds)]
    return found
