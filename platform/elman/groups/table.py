"""The runs of a group in a table, mean, spread and interval below: for terminal, page and file."""

from __future__ import annotations

import csv
import io

from elman.groups.results import Summary, digits_for
from elman.groups.spread import Spread

SHOWN = ("best ", "test/", "val/accuracy", "cost/seconds")
MOST_COLUMNS = 4
ROWS = {"mean": "mean", "sd": "st.dev.", "low": "95 % from", "high": "95 % to"}


def columns(summary: Summary) -> list[str]:
    """The metrics that a terminal has room for: the best value, the tests, accuracy and seconds."""
    names = list(dict.fromkeys(name for each in summary.results for name in each.figures))
    first = [name for start in SHOWN for name in names if name.startswith(start)]
    return first[:MOST_COLUMNS] if first else names[:MOST_COLUMNS]


def cells(summary: Summary, names: list[str]) -> list[list[str]]:
    """Rows of the table below its header: each run, then what the counted ones come to."""
    spreads = summary.spreads()
    digits = {name: _digits(spreads.get(name)) for name in names}

    def number(name: str, value: float | None) -> str:
        return "" if value is None else f"{value:.{digits[name]}f}"

    rows = [
        [each.name, *(number(name, each.figures.get(name)) for name in names), each.verdict()]
        for each in summary.results
    ]
    for field, title in ROWS.items():
        values = [getattr(spreads[name], field) if name in spreads else None for name in names]
        if any(value is not None for value in values):
            rows.append([title, *map(number, names, values), ""])
    return rows


def text_table(summary: Summary) -> str:
    """For the terminal."""
    names = columns(summary)
    table = [["", *names, ""], *cells(summary, names)]
    last = len(table[0]) - 1
    sizes = [max(len(row[i]) for row in table) for i in range(last)]
    lines = []
    for row in table:
        numbers = [cell.rjust(size) for cell, size in zip(row[1:last], sizes[1:], strict=True)]
        lines.append("  ".join([row[0].ljust(sizes[0]), *numbers, row[last]]).rstrip())
    return "\n".join(lines)


def markdown_table(summary: Summary) -> str:
    """For the page of the group."""
    names = columns(summary)
    head = [summary.varies, *names, ""]
    lines = [f"| {' | '.join(head)} |", f"| --- {'| ---: ' * len(names)}| --- |"]
    lines += [
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in cells(summary, names)
    ]
    return "\n".join(lines)


def csv_table(summary: Summary) -> str:
    """Every metric of every run, at full length, a line each; no means, which a reader takes of them."""
    names = list(dict.fromkeys(name for each in summary.results for name in each.figures))
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(["member", "run", "state", "learned", *names])
    for each in summary.results:
        known = "" if each.learned is None else str(each.learned).lower()
        values = [each.figures.get(name, "") for name in names]
        lines.writerow([each.name, each.row.id, each.row.state, known, *values])
    return out.getvalue()


def _digits(found: Spread | None) -> int:
    return 4 if found is None else digits_for(found.sd or 0.0, found.mean)
