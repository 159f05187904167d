"""The differences of two runs, in a table or in lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from elman.commands import print_json
from elman.commands._table import print_table, printable
from elman.predict.lines import Lines, opened
from elman.recipes.strict_yaml import load_yaml
from elman.stored import translated
from elman.tracking.difference import Difference, Made, alike, differences, made_of
from elman.tracking.find import find_run
from elman.tracking.metrics import high_is_good
from elman.tracking.params import flat_params
from elman.tracking.reading import open_to_read, read_text
from elman.tracking.runs import RunRow, row_of, with_best

if TYPE_CHECKING:
    from mlflow import MlflowClient

NOT_COMPARED = ("system/",)


def print_difference(first: str, second: str, *, form: str, uri: str | None) -> None:
    """Print what differs between two runs, by their ids or names.

    Args:
        form: table, jsonl or json.
        uri: of their store; None: as usual.
    """
    with open_to_read(uri) as (client, store):
        runs = [client.get_run(find_run(store, name).id) for name in (first, second)]
        rows = [with_best(client, row_of(run)) for run in runs]
        one, other = (_made(client, run, row) for run, row in zip(runs, rows, strict=True))
    found = differences(one, other)
    if form == "json":
        same, unknown = alike(one, other)
        print_json(
            {
                "runs": [{"run": row.id, "name": row.name} for row in rows],
                "differences": [_plain(each) for each in found],
                "same": same,
                "unknown": unknown,
            }
        )
        return
    if form == "jsonl":
        with opened("-") as file:
            lines = Lines(file, form=form)
            for each in found:
                lines.write(_plain(each))
        return
    _print(rows, found)
    for line in _summary(one, other, found):
        print(line)


def _plain(each: Difference) -> dict[str, Any]:
    return {
        "block": each.block,
        "name": each.name,
        "first": each.first,
        "second": each.second,
        "difference": each.by,
    }


def _made(client: MlflowClient, run: Any, row: RunRow) -> Made:
    """What a run was made of; where it keeps no recipe, its parameters stand for it."""

    text = read_text(client, row.id, "recipe.yaml")
    recipe = dict(row.params)
    if text is not None:
        flat = flat_params(translated(load_yaml(text, f"recipe.yaml of run {row.id}")))
        recipe = {_as_option(key): value for key, value in flat.items() if key != "config"}
    results = {name: v for name, v in row.metrics.items() if not name.startswith(NOT_COMPARED)}
    if row.metric is not None and row.best is not None:
        results[f"best {row.metric}"] = row.best
    blocks = made_of(row.tags, inputs=run.inputs, diff=read_text(client, row.id, "git_diff.txt"))
    return Made(recipe=recipe, results=results, seconds=row.seconds, **blocks)


def _as_option(key: str) -> str:
    """The name of a recipe's value on the command line: `model.bptt.k1`."""
    return key.replace(".init_args.", ".").removesuffix(".class_path")


def _print(rows: Sequence[RunRow], found: Sequence[Difference]) -> None:
    title = [f"{row.id[:8]} {row.name}".strip() for row in rows]
    cells, block = [], ""
    for each in found:
        if each.block == "results" and each.same:
            by = "same"
        else:
            by = "" if each.by is None else f"{each.by:+.3g}{_judgement(each)}"
        cells.append(
            [
                each.block if each.block != block else "",
                each.name,
                *map(_shown, (each.first, each.second)),
                by,
            ]
        )
        block = each.block
    header = ["block", "what", *title, "difference"]
    print_table(header, cells, right=["difference"], whole=["block", "what"])


def _judgement(each: Difference) -> str:
    """Whether the second run did better, where that is what the number is about."""
    if not each.name.startswith("best ") or not each.by:
        return ""
    return " (better)" if (each.by > 0) == high_is_good(each.name) else " (worse)"


def _summary(first: Made, second: Made, found: Sequence[Difference]) -> list[str]:
    same, unknown = alike(first, second)
    results = [each for each in found if each.block == "results"]
    if results and all(each.same for each in results):
        same = [*same, "results"]
    lines = [", ".join(f"same {block}" for block in same)] if same else []
    if unknown:
        lines.append(f"not known of both: {', '.join(unknown)}")
    dirty = [made.code.get("files changed since", "none") != "none" for made in (first, second)]
    if "code" in same and any(dirty):
        lines.append("(the same commit with the same changes; untracked files are not compared)")
    return lines


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else printable(str(value))
