"""How long does `Table` take for a CSV, against pyarrow's own reading of it, and how much memory?

    python benchmarks/tables.py --rows 1000000

Writes a table of a column of times, five of numbers and one of text. In one process, in turn, it is read by
`pyarrow.csv.read_csv` (all columns, as pyarrow takes them), by `Table.find` (parsed, checked, numbered) and
prepared by `Table.setup` (that, scalings, and what needs no network reaches). Printed are the medians of
processor time. The peak of resident memory beyond what was resident before is that of a first `setup` in a
fresh process that has read a small table; the columns used take 4 bytes a value, and 8 a time.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import psutil
from memory import peak, reset_peak
from pyarrow import csv

from datamodules.table import Table


def write_table(path: Path, rows: int) -> Path:
    draw = np.random.default_rng(0)
    times = np.datetime64("2000-01-01T00:00:00") + np.arange(rows) * np.timedelta64(60, "s")
    values = np.round(draw.normal(size=(rows, 5)).cumsum(0) / 100 + draw.normal(size=(rows, 5)), 4)
    winds = np.array(["N", "E", "S", "W"])[draw.integers(4, size=rows)]
    with path.open("w") as out:
        out.write("time,a,b,c,d,e,wind\n")
        for when, row, wind in zip(times.astype(str), values.astype(str), winds, strict=True):
            out.write(f"{when.replace('T', ' ')},{','.join(row)},{wind}\n")
    return path


def table(path: Path) -> Table:
    return Table(path=str(path), target="a", time="time", categories=["wind"])


def seconds(act: Callable[[], object]) -> float:
    begin = time.process_time()
    act()
    return time.process_time() - begin


def growth(path: Path, small: Path) -> float:
    """MiB of peak memory that one table adds, in this process."""
    table(small).setup("fit")
    before = psutil.Process().memory_info().rss
    reset_peak()
    table(path).setup("fit")
    return (peak() - before) / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the table (default 1,000,000)")
    parser.add_argument("--repeats", type=int, default=5, help="of each (default 5)")
    parser.add_argument("--growth", nargs=2, metavar=("FILE", "SMALL"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.growth:
        print(growth(*map(Path, args.growth)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = write_table(Path(folder, "large.csv"), args.rows)
        small = write_table(Path(folder, "small.csv"), 10_000)
        ways: dict[str, Callable[[], object]] = {
            "pyarrow": lambda: csv.read_csv(path),
            "Table.find": lambda: table(path).find(),
            "Table.setup": lambda: table(path).setup("fit"),
        }
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(args.repeats):
            for name, act in ways.items():
                taken[name].append(seconds(act))
        for name, each in taken.items():
            ratio = median(each) / median(taken["pyarrow"])
            print(f"{name:12} {median(each):6.2f} s of processor time, {ratio:4.1f} times pyarrow's")
        command = [sys.executable, __file__, "--growth", str(path), str(small)]
        grown = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        used = args.rows * (6 * 4 + 8) / 2**20
        print(f"peak growth  {grown:6.1f} MiB, {grown / used:.1f} times the columns used ({used:.1f} MiB)")


if __name__ == "__main__":
    main()
