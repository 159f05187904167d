"""A picture of a study in two forms: one to point at in a browser, one to print."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from matplotlib.figure import Figure


class TooFewError(Exception):
    """Why a picture has nothing to show yet, in a line."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Drawn when asked for, since a report needs one form only.

    Args:
        title: in a line.
        caption: how to read it, in a sentence.
        draw_plotly, draw_matplotlib: make its forms, both of 800 x 500.
    """

    title: str
    caption: str
    draw_plotly: Callable[[], go.Figure]
    draw_matplotlib: Callable[[], Figure]

    @cached_property
    def plotly(self) -> go.Figure:
        """Interactive, on a transparent ground."""
        return self.draw_plotly()

    @cached_property
    def matplotlib(self) -> Figure:
        """On white, without title: the place it hangs in has one."""
        return self.draw_matplotlib()

    def html(self) -> str:
        """A page of its own that needs no network, 5 MB of it plotly.js."""
        page: str = self.plotly.to_html(
            include_plotlyjs=True, config={"displayModeBar": False, "responsive": True}
        )
        return page
