"""Tables in the terminal: as wide as it is, and plain in a file or a pipe."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from typing import Literal

from elman.printable import printable

SHORTEST = 6  # characters of a text that is shortened to fit
GAP = 2


def print_table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Collection[str] = (),
    whole: Collection[str] = (),
    droppable: Sequence[str] = (),
) -> list[str]:
    """Print rows below a header; columns without any value are left out.

    Args:
        header: names of the columns.
        right: those of numbers, aligned at the right and never shortened to fit a terminal.
        whole: others that are never shortened.
        droppable: those that are left out where a terminal is too narrow for all, the first of them first.

    Returns:
        Names of the columns that were left out for that.
    """
    kept = [i for i in range(len(header)) if any(row[i] for row in rows)]
    names = [printable(header[i]) for i in kept]
    cells = [[printable(row[i]) for i in kept] for row in rows]
    if not sys.stdout.isatty():
        print("\n".join(_plain(names, cells, right)))
        return []
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    longest = [max(map(len, column)) for column in zip(*cells, strict=True)]
    firm = {*right, *whole}
    least = [n if name in firm else min(n, SHORTEST) for name, n in zip(names, longest, strict=True)]
    fitting, dropped = list(range(len(names))), []
    for name in droppable:
        if sum(least[i] for i in fitting) + GAP * (len(fitting) - 1) <= console.width:
            break
        if name in names:
            fitting.remove(names.index(name))
            dropped.append(name)
    wanted = [max(len(names[i]), longest[i]) for i in fitting]
    sizes = shared([least[i] for i in fitting], wanted, console.width - GAP * (len(fitting) - 1))
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    # Cells are `Text`, since a run's name may hold what looks like markup.
    for i, size in zip(fitting, sizes, strict=True):
        side: Literal["left", "right"] = "right" if names[i] in right else "left"
        table.add_column(Text(names[i]), justify=side, no_wrap=True, overflow="ellipsis", width=size)
    for line in cells:
        table.add_row(*(Text(line[i]) for i in fitting))
    console.print(table)
    return dropped


def shared(least: Sequence[int], wanted: Sequence[int], capacity: int) -> list[int]:
    """Widths from `least` to `wanted`; what the capacity leaves goes to all that want more, in turn."""
    sizes = list(least)
    while (spare := capacity - sum(sizes)) > 0:
        open_ones = [i for i, size in enumerate(sizes) if size < wanted[i]]
        if not open_ones:
            break
        for i in open_ones[:spare]:
            sizes[i] += 1
    return sizes


def _plain(names: Sequence[str], cells: Sequence[Sequence[str]], right: Collection[str]) -> list[str]:
    sizes = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    return [
        "  ".join(
            cell.rjust(size) if name in right else cell.ljust(size)
            for name, cell, size in zip(names, line, sizes, strict=True)
        ).rstrip()
        for line in [names, *cells]
    ]
