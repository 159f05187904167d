"""How often `elman compare` claims what is not so, and how often its interval holds what is.

    python benchmarks/claims.py [DRAWS]

Recipes are drawn whose runs differ by noise alone, of several kinds, and compared as `elman compare` does.
A claim is then false. With one recipe shifted by as much as the noise, the interval should hold the shift,
and a claim is right. Last come three equal recipes, where any claim is false, with Holm's correction and
without.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "platform"))

from elman.comparing.verdict import Arm, Outcome, compare
from elman.groups.member import Member

SEEDS = (3, 5, 10)
FAILING = 0.1  # share of runs that do not learn
PLACE = 10.0  # of the values, so that all are losses
Draw = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


def normal(draw: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    one, other = draw.normal(size=(2, count))
    return one, other


def skewed(draw: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    one, other = draw.exponential(size=(2, count)) - 1
    return one, other


def correlated(draw: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """What the seed decides is 0.7 of the noise's variance."""
    shared, one, other = draw.normal(size=(3, count))
    return 0.7**0.5 * shared + 0.3**0.5 * one, 0.7**0.5 * shared + 0.3**0.5 * other


def wider(draw: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """One of them skewed, and three times as wide."""
    return draw.normal(size=count), 3 * (draw.exponential(size=count) - 1)


KINDS: dict[str, Draw] = {"normal": normal, "correlated": correlated, "skewed": skewed, "wider": wider}


def arm(name: str, values: np.ndarray, failed: np.ndarray | None = None) -> Arm:
    lost = np.zeros(len(values), bool) if failed is None else failed
    runs = {
        Member(seed=seed): Outcome(run="", value=PLACE + float(value), learned=not bool(fails))
        for seed, (value, fails) in enumerate(zip(values, lost, strict=True), 1)
    }
    return Arm(name=name, outcomes=runs)


def two(kind: Draw, count: int, draws: int, *, failing: float = 0.0, pairs: bool = True) -> tuple[float, ...]:
    """Shares of false claims, of intervals that hold the shift, and of right claims."""
    draw = np.random.default_rng(count)
    false = holds = right = there = 0
    for _ in range(draws):
        one, other = kind(draw, count)
        lost = draw.random((2, count)) < failing
        first, second = arm("A", one, lost[0]), arm("B", other, lost[1])
        if not pairs:
            shifted = {Member(seed=100 + m.seed): each for m, each in second.outcomes.items() if m.seed}
            second = Arm(name="B", outcomes=shifted)
        (pair,) = compare([first, second], metric="val/mse").pairs
        false += pair.claimed or pair.learns_more_often
        moved = dict(arm("B", other + 1, lost[1]).outcomes)
        if not pairs:
            moved = {Member(seed=100 + (m.seed or 0)): each for m, each in moved.items()}
        (pair,) = compare([first, Arm(name="B", outcomes=moved)], metric="val/mse").pairs
        right += pair.claimed and pair.first.name == "A"
        found = pair.difference
        if found is not None and found.low is not None and found.high is not None:
            shift = 1.0 if pair.first.name == "A" else -1.0
            holds, there = holds + (found.low <= shift <= found.high), there + 1
    return false / draws, holds / max(1, there), right / draws


def three(count: int, draws: int) -> tuple[float, float]:
    """Shares of three equal recipes among which some claim is made: by Holm, and by each interval alone."""
    draw = np.random.default_rng(count)
    by_holm = alone = 0
    for _ in range(draws):
        found = compare([arm(name, draw.normal(size=count)) for name in "ABC"], metric="val/mse")
        by_holm += any(pair.claimed for pair in found.pairs)
        alone += any(pair.difference is not None and pair.difference.excludes_zero for pair in found.pairs)
    return by_holm / draws, alone / draws


def main() -> None:
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
    print(f"{draws:,} draws each; false claims, intervals that hold, right claims of a shift of one sd")
    print(f"{'':24}" + "".join(f"{f'{count} seeds':>24}" for count in SEEDS))
    rows: list[tuple[str, Draw, float, bool]] = [(name, kind, 0.0, True) for name, kind in KINDS.items()]
    rows += [("normal, do not pair", normal, 0.0, False), ("normal, one in ten fails", normal, FAILING, True)]
    for name, kind, failing, pairs in rows:
        cells = [two(kind, count, draws, failing=failing, pairs=pairs) for count in SEEDS]
        print(f"{name:24}" + "".join(f"{a:10.3f}{b:7.3f}{c:7.3f}" for a, b, c in cells), flush=True)
    cells = [three(count, draws) for count in SEEDS]
    print(f"{'three equal, Holm':24}" + "".join(f"{a:10.3f}{'':14}" for a, _ in cells))
    print(f"{'three equal, without':24}" + "".join(f"{b:10.3f}{'':14}" for _, b in cells))


if __name__ == "__main__":
    main()
