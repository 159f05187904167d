"""Whether the figures of recipes mean the same, what differs between the recipes, and what each is called."""

from __future__ import annotations

from collections.abc import Sequence

from elman.comparing.arms import Source
from elman.errors import BadInput
from elman.tracking.metrics import monitored
from elman.tracking.reading import close_to

SHOWN = 6


def metric_of(found: Sequence[Source], metric: str | None, *, force: bool) -> str:
    """The metric to compare by: the one named, else what all of them monitor.

    Raises:
        BadInput: if they monitor different ones, or lack the one named.
    """
    own = {source.word: monitored(source.first.params, source.first.metrics) for source in found}
    if metric is None:
        chosen = {name for name in own.values() if name is not None}
        if not chosen:
            raise BadInput("no run says what it has monitored; name a metric with --metric")
        metric = next(name for name in own.values() if name is not None)
        if len(chosen) > 1 and not force:
            listed = ", ".join(f"{word} {name}" for word, name in own.items())
            raise BadInput(
                f"these monitor different metrics, which do not compare: {listed}; name one that all have, "
                f"--metric={metric}"
            )
    for source in found:
        if not any(metric in row.metrics for row in source.rows.values()):
            there = [name for name in source.first.metrics if name.startswith(("val/", "test/", "cost/"))]
            near = close_to(metric, there)
            hint = f"did you mean {near}?" if near else f"it has {', '.join(there[:SHOWN]) or 'none yet'}"
            raise BadInput(f"{source.word}: no run of it has {metric}; {hint}")
    return metric


def refuse_unlike(found: Sequence[Source], *, force: bool) -> list[str]:
    """What of the data, or of how it is scored, differs; metrics of such runs mean different things.

    Returns:
        What differs, in lines, where it is forced.

    Raises:
        BadInput: if something differs and it is not forced.
    """
    first, lines = _data(found[0]), []
    for source in found[1:]:
        other = _data(source)
        names = sorted(name for name in first | other if first.get(name) != other.get(name))
        if names:
            shown = ", ".join(f"{n} {_short(first.get(n))} and {_short(other.get(n))}" for n in names[:SHOWN])
            lines.append(f"{found[0].word} and {source.word} are of unlike data or scores: {shown}")
    if lines and not force:
        raise BadInput(f"{lines[0]}; such figures mean different things; --force compares them all the same")
    return lines


def what_differs(found: Sequence[Source]) -> list[str]:
    """The recipes' values that are not the same in all, a line each, by the option that sets it."""
    settings = [source.settings() for source in found]
    names = list(dict.fromkeys(name for each in settings for name in each))
    return [
        f"{name}: {', '.join(_short(each.get(name)) for each in settings)}"
        for name in sorted(names)
        if len({each.get(name) for each in settings}) > 1
    ]


def names_of(found: Sequence[Source]) -> list[str]:
    """What tells them apart in the fewest words: core, the one value that differs, recipe, word."""
    settings = [source.settings() for source in found]
    differs = [name for name in settings[0] if len({each.get(name) for each in settings}) == len(found)]
    choices = [[_short(each.get("model.core")) for each in settings]]
    single = [name for name in differs if name not in ("parameters", "model.core")]
    changed = {n for each in settings for n in each if len({s.get(n) for s in settings}) > 1} - {"parameters"}
    if len(changed) == 1 and single:
        last = single[0].rpartition(".")[2]
        values = [_short(each.get(single[0])) for each in settings]
        choices.append(values if single[0] in CLASSES else [f"{last}={value}" for value in values])
    choices += [
        [source.name for source in found],
        [source.name.rpartition("/")[2] for source in found],
        [source.word for source in found],
    ]
    for names in choices:
        if len(set(names)) == len(found) and "-" not in names:
            return names
    return [f"{number} {source.word}" for number, source in enumerate(found, 1)]


CLASSES = ("model.bptt", "model.optimizer", "model.schedule", "model.loss")


def _data(source: Source) -> dict[str, str]:
    return {name: value for name, value in source.first.data if not name.endswith(".fold")}


def _short(value: str | None) -> str:
    """A class by its own name, a digest by its beginning."""
    if value is None:
        return "-"
    if value.count(".") > 1 and all(part.isidentifier() for part in value.split(".")):
        return value.rpartition(".")[2]
    return value if len(value) <= 24 else f"{value[:12]}…"
