"""Which values of the space decided, as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elman.search.pictures.picture import Picture, TooFewError
from elman.search.pictures.theme import BLUE, matplotlib_figure, plain, plotly_figure
from elman.search.results.format import short
from elman.search.results.importance import importance as importance_of
from elman.search.results.review import Review

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from matplotlib.figure import Figure


def importance(review: Review) -> Picture:
    """The share of each value in the variance of the first objective.

    Raises:
        TooFewError: where there are too few trials, or they are too noisy.
    """
    found = importance_of(review)
    if found.silent:
        raise TooFewError(found.silent)
    shares = {share.label: share.share for share in found.shares}
    return Picture(
        title=f"What decided {review.objective}",
        caption=f"The share of its variance that each value explains alone, over {found.trials} trials "
        f"(fANOVA); {next(iter(shares))} is first in {found.shares[0].first} of {found.resamples} resamples. "
        f"Noise and interplay: {found.rest:.2f}.",
        draw_plotly=lambda: _plotly(review, shares),
        draw_matplotlib=lambda: _matplotlib(review, shares),
    )


def _axis(review: Review) -> str:
    return f"share of importance for {review.objective}"


def _plotly(review: Review, shares: dict[str, float]) -> go.Figure:
    figure = plotly_figure(x=_axis(review), y="")
    figure.add_bar(
        x=list(shares.values()),
        y=[plain(short(label, 24)) for label in shares],
        orientation="h",
        marker={"color": BLUE},
        text=[f"{share:.2f}" for share in shares.values()],
        textposition="outside",
        cliponaxis=False,
        hoverinfo="skip",
    )
    figure.update_xaxes(range=[0, max(shares.values()) * 1.12])
    figure.update_yaxes(autorange="reversed", showgrid=False, ticks="", ticksuffix=" ")
    figure.update_layout(bargap=0.35)
    return figure


def _matplotlib(review: Review, shares: dict[str, float]) -> Figure:
    figure, axes = matplotlib_figure(x=_axis(review), y="")
    bars = axes.barh([short(label, 24) for label in shares], list(shares.values()), color=BLUE, height=0.62)
    axes.bar_label(bars, fmt="%.2f", padding=4, fontsize=10, color="#33373D")
    axes.set_xlim(0, max(shares.values()) * 1.12)
    axes.tick_params(axis="y", length=0, labelsize=11)
    axes.grid(visible=False, axis="y")
    axes.invert_yaxis()
    return figure
