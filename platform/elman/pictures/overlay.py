"""The same picture of several runs, one over the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from elman.pictures.plot import COLOURS, Bars, Dots, Line, Mark, Plot


def overlaid(plots: Mapping[str, Plot]) -> Plot:
    """Lines and dots of all of them, a colour for each; what is drawn in several colours gets dashes.

    Bands, maps and rules are those of one run alone, and are left out, and so are panels that hold nothing
    else. Panels that only some have stand after those that all have.

    Args:
        plots: of the same kind, by what they are called.
    """
    first = next(iter(plots.values()))
    titles = list(dict.fromkeys(panel.title for plot in plots.values() for panel in plot.panels))
    panels = []
    for title in titles:
        marks: list[Mark] = []
        found = [
            (name, panel) for name, plot in plots.items() for panel in plot.panels if panel.title == title
        ]
        for name, panel in found:
            number = list(plots).index(name) % (len(COLOURS) - 1)
            usable = [mark for mark in panel.marks if isinstance(mark, Line | Dots | Bars)]
            for place, mark in enumerate(usable):
                called = name if len(usable) == 1 or not mark.name else f"{name}, {mark.name}"
                if isinstance(mark, Line):
                    marks.append(replace(mark, name=called, colour=number, dash=place % 4))
                elif isinstance(mark, Dots):
                    marks.append(replace(mark, name=called, colour=number))
                else:  # bars would hide one another
                    marks.append(Line(x=mark.x, y=mark.height, name=called, colour=number, dash=place % 4))
        if marks:
            panels.append(replace(found[0][1], marks=tuple(marks)))
    return replace(first, panels=tuple(panels))
