"""Which values of the space decided, as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elman.search.pictures.picture import Picture, TooFewError
from elman.search.pictures.theme import BLUE, matplotlib_figure, plain, plotly_figure
from elman.search.results.format import short
from elman.search.results.importance import importance as shares_of
from elman.search.results.review import Review

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from matplotlib.figure import Figure


def importance(review: Review) -> Picture:
    """The share of each dimension, as sampled, in what made the best trials good.

    Raises:
        TooFewError: where there are too few trials.
    """
    if sum(trial.metric(review.objective) is not None for trial in review.complete) < 4:
        raise TooFewError("needs four complete trials")
    shares = shares_of(review)
    if len(shares) < 2:
        raise TooFewError("no value of the space stands out from another")
    count = len(review.complete)
    return Picture(
        title=f"What decided {review.objective}",
        caption="How differently the best trials are spread over each value than all complete ones "
        f"(PED-ANOVA over {count} trials{', so few that it is a hint' if count < 20 else ''}).",
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
