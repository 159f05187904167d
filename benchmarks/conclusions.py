"""Whether what a study concludes is true, on planted studies whose truth is known.

    python benchmarks/conclusions.py                      # 304 studies of 40 trials, 4 min of a core
    python benchmarks/conclusions.py --studies=1000 --trials=24
    python benchmarks/conclusions.py importance           # which value decided

A planted study draws k1 (2 to 16, log), k2/k1 (1 to 6), layers (1 to 3), one of three cores and lr (0.001
to 0.03, log) at random. Its true value is a step (0.9 unless k2 is above 8) or 0.5 exp(-k2 / 10), and
effects of lr (0.15 log10(lr / 0.0055)^2), core (0, 0.03, 0.06) and depth (0.01 a layer); its cost is k2/k1.
A run adds normal noise of its seed, of a standard deviation of 0.003, 0.01, 0.03 or 0.1: eight settings,
each with as many studies.

The rules are those of the product, called as a search calls them. Of the trial that is named is asked:

    within    its true value lies within one standard deviation of the best that was tried
    clear     so it does, and no trial within half a standard deviation of the best is cheaper
    cheapest  within two, and no trial within half a standard deviation of the best is cheaper
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from elman.search.results.confirming import next_confirmations
from elman.search.results.importance import importance
from elman.search.results.named import named
from elman.search.results.review import Review, TrialRow
from elman.search.space.space import Choices, Dimension, Range

VALUE, COST = "val/nats_per_step", "cost/core_steps_per_step"
NOISES = (0.003, 0.01, 0.03, 0.1)
CORES = {"LSTM": 0.0, "GRU": 0.03, "Elman": 0.06}
BEST_LR = 10 ** ((math.log10(0.001) + math.log10(0.03)) / 2)
STEP, LAG = 0.9, 8
DIMENSIONS = (
    Dimension(target="model.core", label="core", values=Choices(values=dict.fromkeys(CORES))),
    Dimension(target="model.bptt.k1", label="k1", values=Range(low=2, high=16, integer=True, log=True)),
    Dimension(
        target="model.bptt.k2",
        label="k2/k1",
        values=Range(low=1, high=6, integer=True),
        multiple_of="model.bptt.k1",
    ),
    Dimension(target="model.core.layers", label="layers", values=Range(low=1, high=3, integer=True)),
    Dimension(
        target="model.optimizer.lr", label="lr", values=Range(low=0.001, high=0.03, integer=False, log=True)
    ),
)
LIMITS = {"k1": 5, "k2/k1": 2, "k2": LAG}
"""Where the step lies for each driver: below it nothing is learned."""


class Planted:
    """A study whose truth is known.

    Args:
        shape: step or smooth.
        noise: standard deviation of a run.
        trials: of the study.
        seed: another one is another study.
        driver: the value with the step or the fall.
    """

    def __init__(self, shape: str, noise: float, *, trials: int, seed: int, driver: str = "k2") -> None:
        self.noise = noise
        place = list(LIMITS).index(driver)
        self._draw = np.random.default_rng([seed, trials, round(noise * 1e4), shape == "step", place])
        self.values = [self._drawn() for _ in range(trials)]
        self.truth = [self._true(values, shape, driver) for values in self.values]
        self.cost = [float(values["k2/k1"]) for values in self.values]
        self.review = Review(
            name="planted",
            question="",
            command="",
            experiment="",
            dimensions=DIMENSIONS,
            objectives={VALUE: "minimize", COST: "minimize"},
            trials=tuple(self._run(number) for number in range(trials)),
            chance={VALUE: STEP} if shape == "step" else {},
        )

    def confirmed(self, runs: int) -> Review:
        """The study after its confirming runs."""
        review = replace(self.review, confirm_runs=runs)
        while wanted := next_confirmations(review, runs=runs):
            first = len(review.trials) + len(review.confirmations)
            more = [
                replace(self._run(n), number=first + i, confirms=n, seed=first + i)
                for i, n in enumerate(wanted)
            ]
            review = replace(review, confirmations=(*review.confirmations, *more))
        return review

    def judged(self, number: int) -> tuple[bool, bool, bool]:
        """Whether a trial is within, clear and cheapest."""
        gap = (np.array(self.truth) - min(self.truth)) / self.noise
        cheaper = bool(((gap <= 0.5) & (np.array(self.cost) < self.cost[number])).any())
        within = bool(gap[number] <= 1)
        return within, within and not cheaper, bool(gap[number] <= 2) and not cheaper

    def _drawn(self) -> dict[str, object]:
        k1, ratio = round(2 * 8 ** self._draw.random()), int(self._draw.integers(1, 7))
        return {
            "core": list(CORES)[self._draw.integers(3)],
            "k1": k1,
            "k2/k1": ratio,
            "k2": k1 * ratio,
            "layers": int(self._draw.integers(1, 4)),
            "lr": float(10 ** self._draw.uniform(-3, math.log10(0.03))),
        }

    def _true(self, values: dict[str, object], shape: str, driver: str) -> float:
        reach, limit = float(str(values[driver])), LIMITS[driver]
        value = STEP * (reach <= limit) if shape == "step" else 0.5 * math.exp(-reach / (1.25 * limit))
        value += 0.15 * math.log10(float(str(values["lr"])) / BEST_LR) ** 2
        return value + CORES[str(values["core"])] + 0.01 * (int(str(values["layers"])) - 1)

    def _run(self, number: int) -> TrialRow:
        value = self.truth[number] + self.noise * float(self._draw.standard_normal())
        found = {VALUE: value, COST: self.cost[number]}
        return TrialRow(number=number, state="complete", values=self.values[number], objectives=found)


def settings(studies: int) -> Iterator[tuple[str, float, int]]:
    """Shape, noise and seed, `studies` of them or a few more, as many of each setting."""
    for shape in ("step", "smooth"):
        for noise in NOISES:
            for seed in range(math.ceil(studies / (2 * len(NOISES)))):
                yield shape, noise, seed


def named_ones(studies: int, *, trials: int, runs: int) -> tuple[dict[str, np.ndarray], float]:
    """How often the trial that each rule names is within, clear and cheapest, by rule: (studies, 3).

    And how often the interval of the measured one holds its true value.
    """
    rules = ("best observed", "guessed", f"measured by {runs} runs")
    found: dict[str, list[tuple[bool, ...]]] = {rule: [] for rule in rules}
    inside = []
    for shape, noise, seed in settings(studies):
        study = Planted(shape, noise, trials=trials, seed=seed)
        best, guess, measured = study.review.best(), named(study.review), named(study.confirmed(runs))
        assert best, "all trials are complete"
        assert guess, "and so one is named"
        assert measured, "and so one is named"
        for rule, trial in zip(rules, (best, guess.trial, measured.trial), strict=True):
            found[rule].append(study.judged(trial.number))
        if measured.interval is not None:
            low, high = measured.interval
            inside.append(low <= study.truth[measured.trial.number] <= high)
    return {rule: np.array(judged, dtype=float) for rule, judged in found.items()}, float(np.mean(inside))


def drivers(studies: int, *, trials: int) -> dict[str, tuple[float, float]]:
    """By driver: how often it is named first where one is named at all, and how often that is."""
    found = {}
    for driver in LIMITS:
        first, spoken = [], []
        for shape, noise, seed in settings(studies):
            shares = importance(Planted(shape, noise, trials=trials, seed=seed, driver=driver).review).shares
            spoken.append(bool(shares))
            first += [shares[0].label == driver] if shares else []
        found[driver] = (float(np.mean(first)) if first else math.nan, float(np.mean(spoken)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("part", nargs="?", choices=("named", "importance"), default="named")
    parser.add_argument("--studies", type=int, default=304)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--runs", type=int, default=25)
    given = parser.parse_args()
    began = time.process_time()
    if given.part == "importance":
        print(f"{given.studies} studies of {given.trials} trials for each driver")
        for driver, (first, spoken) in drivers(given.studies, trials=given.trials).items():
            print(f"{driver:>6} decides: named first in {first:.3f} of those that name one, {spoken:.3f}")
    else:
        print(f"{'':24} within  clear  cheapest   ({given.studies} studies of {given.trials} trials)")
        found, inside = named_ones(given.studies, trials=given.trials, runs=given.runs)
        for rule, judged in found.items():
            within, clear, cheapest = judged.mean(0)
            print(f"{rule:24} {within:6.3f} {clear:6.3f} {cheapest:9.3f}")
        print(f"the interval of 95 % holds the true value in {inside:.3f}")
    print(f"{time.process_time() - began:.0f} s of a core")


if __name__ == "__main__":
    main()
