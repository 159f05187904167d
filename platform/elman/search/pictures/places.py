"""Where the label of a point goes, so that labels cover neither points nor one another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go

AROUND = {  # plotly's words: (to the right, up)
    "top center": (0, 1),
    "middle right": (1, 0),
    "bottom center": (0, -1),
    "middle left": (-1, 0),
    "top right": (1, 1),
    "top left": (-1, 1),
    "bottom right": (1, -1),
    "bottom left": (-1, -1),
}
WIDE, HIGH = 720, 420  # pixels that the axes of a picture of 800 x 500 have


def places(
    points: Sequence[tuple[float, float]], texts: Sequence[str], *, liked: Sequence[str | None] = ()
) -> list[str | None]:
    """For each point the place of its text around it; None where there is no room.

    Args:
        points: in the axes' own measure, (0, 0) the lower left and (1, 1) the upper right corner.
        texts: those that come first choose first.
        liked: for each of the first points the place it tries first.
    """
    taken = [_box(x * WIDE, y * HIGH, 10, 10) for x, y in points]
    found: list[str | None] = []
    for index, ((x, y), text) in enumerate(zip(points, texts, strict=True)):
        found.append(None)
        like = liked[index] if index < len(liked) else None
        for name in ([like] if like else []) + list(AROUND):
            right, up = AROUND[name]
            half = 3.6 * len(text) + 2
            box = _box(x * WIDE + right * (half + 8), y * HIGH + up * 14, 2 * half, 13)
            inside = box[0] >= -20 and box[2] <= WIDE + 20 and box[1] >= -6 and box[3] <= HIGH + 16
            if inside and not any(_meet(box, other) for i, other in enumerate(taken) if i != index):
                taken.append(box)
                found[-1] = name
                break
    return found


def write(
    figure: go.Figure, point: tuple[float, float], text: str, place: str, *, away: int = 8, size: int = 11
) -> None:
    """Write a text beside a point of a plotly picture, `away` pixels from its middle."""
    figure.add_scatter(
        x=[point[0]],
        y=[point[1]],
        mode="markers+text",
        marker={"size": 2 * away, "opacity": 0},  # plotly keeps a text off the mark of its own trace only
        text=[text],
        textposition=place,
        textfont={"size": size},
        hoverinfo="skip",
        cliponaxis=False,
        showlegend=False,
    )


def annotate(
    axes: Any, point: tuple[float, float], text: str, place: str, *, away: float = 7, size: float = 9
) -> None:
    """Write a text beside a point of a matplotlib picture, `away` points from its middle."""
    right, up = AROUND[place]
    axes.annotate(
        text,
        point,
        xytext=(away * right, away * up),
        textcoords="offset points",
        ha=("right", "center", "left")[right + 1],
        va=("top", "center", "bottom")[up + 1],
        fontsize=size,
        color="#33373D",
        zorder=6,
    )


def _box(x: float, y: float, wide: float, high: float) -> tuple[float, float, float, float]:
    return x - wide / 2, y - high / 2, x + wide / 2, y + high / 2


def _meet(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
