"""Does a long text need more memory than a short one?

    python benchmarks/text_memory.py --megabytes 500

Writes two texts made of Python's own library, every line numbered so that nothing repeats exactly, one
of 2 MB and one of the given size. Each is encoded and then read for 200 training batches in a fresh
process. Printed is by how much that process's peak memory (resident, files it has mapped included) grew
beyond what it was after the imports. With `--whole-epoch` all of the training part is read.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from itertools import count
from pathlib import Path

from datamodules.text import Text
from datamodules.texts.corpus import standard_library

BATCHES = 200


def write_text(path: Path, size: int) -> None:
    """`size` bytes of numbered lines."""
    files = standard_library().files
    written = 0
    with path.open("wb") as out:
        lines = (
            line for _ in count() for file in files for line in file.read_bytes().splitlines(keepends=True)
        )
        for number, line in enumerate(lines):
            out.write(numbered := b"%d %s" % (number, line))
            written += len(numbered)
            if written >= size:
                return


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1024 if sys.platform != "darwin" else 1 << 20
    )


def measure(path: str, cache: str, whole_epoch: bool) -> dict[str, float]:
    """Encode, read and measure; runs in a process of its own."""
    before, begin = peak_mib(), time.perf_counter()
    data = Text(path=path, cache=cache)
    data.prepare_data()
    data.setup()
    prepared = time.perf_counter()
    grown = peak_mib() - before
    loader = data.train_dataloader()
    batches = data.steps_per_epoch // (data.batch_size * data.steps) if whole_epoch else BATCHES
    for index in range(batches):
        loader.batch(index)
    return {
        "prepare_s": prepared - begin,
        "prepare_mib": grown,
        "batches": batches,
        "batches_s": time.perf_counter() - prepared,
        "total_mib": peak_mib() - before,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megabytes", type=int, default=500, help="size of the long text (default 500)")
    parser.add_argument("--whole-epoch", action="store_true", help="read all of the training part")
    parser.add_argument("--measure", nargs=2, metavar=("FILE", "CACHE"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(args.measure[0], args.measure[1], args.whole_epoch)))
        return
    print("text MB | prepare s | peak growth MiB, prepare | batches | batches s | peak growth MiB, all")
    with tempfile.TemporaryDirectory() as folder:
        for megabytes in (2, args.megabytes):
            path = Path(folder, f"{megabytes}.txt")
            write_text(path, megabytes * 10**6)
            command = [sys.executable, __file__, "--measure", str(path), folder]
            command += ["--whole-epoch"] * args.whole_epoch
            got = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            print(
                f"{megabytes:7} | {got['prepare_s']:9.2f} | {got['prepare_mib']:24.1f} | {got['batches']:7} "
                f"| {got['batches_s']:9.2f} | {got['total_mib']:20.1f}"
            )


if __name__ == "__main__":
    main()
