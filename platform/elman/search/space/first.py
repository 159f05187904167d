"""The points of a search's file that are tried first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from elman.errors import BadInput
from elman.search.space.settings import Settings
from elman.search.space.space import Choices, Dimension, Space, Values


def read_first(settings: Settings, space: Space) -> list[Values]:
    """The points by label, in order, each as far as it is given.

    A value is named by its place in the recipe or its label; a multiple by the factor (`k2/k1`), or by the
    product (`k2`) where the point also has what it is a multiple of.

    Raises:
        BadInput: for a name that is not searched, a value outside its range, and a point that is there twice.
    """
    found: list[Values] = []
    for place, given in enumerate(settings.first):
        point = _point(space, given, f"first[{place}]")
        if point in found and not settings.repeats:
            raise BadInput(f"first[{place}]: is the same point as first[{found.index(point)}]; keep one")
        found.append(point)
    return found


def _point(space: Space, given: Mapping[str, Any], where: str) -> Values:
    if not given:
        raise BadInput(f"{where}: names no value; give at least one, such as {{k1: 20}}")
    names = {name: d for d in space.dimensions for name in (d.label, *([] if d.derived else [d.target]))}
    products = {name: d for d in space.dimensions if d.derived for name in (str(d.derived), d.target)}
    point: Values = {}
    for name, value in given.items():
        if name in names:
            point[names[name].label] = _checked(names[name], value, where)
        elif name not in products:
            known = ", ".join([*(d.label for d in space.dimensions), *products])
            raise BadInput(f"{where}: {name!r} is not searched; name one of {known}")
    for name, value in given.items():
        if name in products and name not in names:
            dimension = products[name]
            point[dimension.label] = _checked(
                dimension, _factor(dimension, space, point, value, where), where
            )
    return {d.label: point[d.label] for d in space.in_order() if d.label in point}


def _factor(dimension: Dimension, space: Space, point: Values, product: Any, where: str) -> Any:
    """What a multiple is of the value beside it."""
    base = next((d for d in space.dimensions if d.target == dimension.multiple_of), None)
    of = space.fixed.get(str(dimension.multiple_of)) if base is None else point.get(base.label)
    if of is None or not isinstance(product, int | float) or isinstance(product, bool):
        raise BadInput(
            f"{where}: {dimension.derived}={product!r} is a multiple of {dimension.multiple_of}; give that "
            f"too, or {dimension.label}"
        )
    factor = product / of
    return round(factor) if factor == round(factor) else factor


def _checked(dimension: Dimension, value: Any, where: str) -> Any:
    kind = dimension.values
    if isinstance(kind, Choices):
        if isinstance(value, Mapping | list) or value not in kind.values:
            raise BadInput(
                f"{where}: {dimension.label} must be one of {', '.join(map(str, kind.values))}, got {value!r}"
            )
        return value
    inside = isinstance(value, int | float) and not isinstance(value, bool) and value in kind
    points = kind.points
    if inside and points is not None:
        inside = any(abs(value - point) <= 1e-9 * max(1.0, abs(point)) for point in points)
    if not inside:
        whole = "a whole number from" if kind.integer else "from"
        steps = f" in steps of {kind.step:g}" if kind.step is not None else ""
        raise BadInput(
            f"{where}: {dimension.label} must be {whole} {kind.low:g} to {kind.high:g}{steps}, got {value!r}"
        )
    return int(value) if kind.integer else float(value)
