"""Where the text of a point goes, so that texts cover neither points nor one another."""

from __future__ import annotations

from collections.abc import Sequence

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
MANY = 400  # points that texts keep clear of; among more nobody reads them


def places(
    points: Sequence[tuple[float, float]],
    texts: Sequence[str],
    *,
    size: tuple[float, float],
    clear_of: Sequence[tuple[float, float]] = (),
    liked: str = "",
) -> list[str | None]:
    """For each point the place of its text around it; None where there is no room.

    Args:
        points: in the axes' own measure, (0, 0) the lower left and (1, 1) the upper right corner.
        texts: those that come first choose first.
        size: of the axes, in heights of a character.
        clear_of: further points, in the same measure.
        liked: the place that is tried first.
    """
    wide, high = size
    dots = [*points, *clear_of[:MANY]]
    taken = [_box(x * wide, y * high, 0.8, 0.8) for x, y in dots]
    found: list[str | None] = []
    for index, ((x, y), text) in enumerate(zip(points, texts, strict=True)):
        found.append(None)
        for name in ([liked] if liked else []) + list(AROUND):
            right, up = AROUND[name]
            half = 0.31 * len(text) + 0.2
            box = _box(x * wide + right * (half + 0.7), y * high + up * 1.2, 2 * half, 1.1)
            inside = box[0] >= -1.5 and box[2] <= wide + 1.5 and box[1] >= 0.1 and box[3] <= high + 1.4
            if inside and not any(_meet(box, other) for i, other in enumerate(taken) if i != index):
                taken.append(box)
                found[-1] = name
                break
    return found


def _box(x: float, y: float, wide: float, high: float) -> tuple[float, float, float, float]:
    return x - wide / 2, y - high / 2, x + wide / 2, y + high / 2


def _meet(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
