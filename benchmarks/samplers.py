"""TPE against random search at the same budget: the best figure after so many trials, for several seeds.

    python benchmarks/samplers.py [--trials 20] [--time-steps 150000] [--seeds 1 2 3] [--search FILE]

Both samplers search the space of experiments/char_lm/search.yaml, without pruning, in turn in one run. What
depends on the clock does not enter: the figure of a trial is the same however busy the machine is.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SEARCH = Path(__file__).parents[1] / "experiments" / "char_lm" / "search.yaml"
SAMPLERS = ("TPE", "random")


def best_so_far(study: dict) -> list[float]:
    """The best figure after each trial, in the order of their numbers."""
    (name, direction), *_ = study["objectives"].items()
    best: list[float] = []
    for trial in sorted(study["trials"], key=lambda trial: trial["number"]):
        value = trial["objectives"].get(name)
        if trial["state"] == "complete" and value is not None:
            better = max if direction == "maximize" else min
            best.append(value if not best else better(best[-1], value))
    return best


def run(folder: Path, *, sampler: str, seed: int, options: argparse.Namespace) -> list[float]:
    name = f"{sampler}_{seed}"
    command = [
        *(sys.executable, "-m", "elman", "search", str(options.search.resolve())),
        *(f"--name={name}", f"--sampler={sampler}", f"--seed={seed}", "--pruner=none"),
        *(f"--budget.trials={options.trials}", f"--startup_trials={options.startup}"),
        *(f"--trainer.max_time_steps={options.time_steps}", f"--trainer.val_every={options.time_steps}"),
        *("--tracking.system_metrics=false", *options.more),
    ]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return best_so_far(json.loads((folder / "searches" / name / "study.json").read_text()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--startup", type=int, default=6, help="random trials before TPE begins")
    parser.add_argument("--time-steps", type=int, default=150_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--search", type=Path, default=SEARCH)
    parser.add_argument("more", nargs="*", help="options of elman search, after --")
    options = parser.parse_args()
    marks = sorted({max(1, options.trials * part // 4) for part in (1, 2, 3, 4)})
    print(f"{'':>12}" + "".join(f"{f'after {mark}':>12}" for mark in marks))
    found: dict[str, list[list[float]]] = {sampler: [] for sampler in SAMPLERS}
    with tempfile.TemporaryDirectory() as folder:
        for seed in options.seeds:
            for sampler in SAMPLERS:
                best = run(Path(folder), sampler=sampler, seed=seed, options=options)
                found[sampler].append(best)
                shown = "".join(f"{best[min(mark, len(best)) - 1]:>12.4f}" for mark in marks)
                print(f"{f'{sampler} {seed}':>12}{shown}", flush=True)
    for sampler, runs in found.items():
        medians = [statistics.median(best[min(mark, len(best)) - 1] for best in runs) for mark in marks]
        print(f"{f'{sampler} median':>12}" + "".join(f"{value:>12.4f}" for value in medians))


if __name__ == "__main__":
    main()
