"""Which values of the space decided how good a trial became, how sure that is, and how much none explains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from elman.search.results.candidates import Candidate, Table, factors, table, varied
from elman.search.results.learned import near_best
from elman.search.results.main_effects import main_effects
from elman.search.results.review import Review, TrialRow
from elman.search.results.steady import steady

LEAST = 24  # trials
FEW, LEAST_EACH = 5, 5  # dimensions above which each needs so many trials
LEAST_R2 = 0.1
MOST = 500  # trials, drawn at random
RESAMPLES = 20
TREES, TREES_OF_A_RESAMPLE = 64, 16
FAR = 3.0  # quartile distances beyond the worse quartile, where a value counts as no worse


@dataclass(frozen=True, kw_only=True)
class Share:
    """What one candidate explains.

    Args:
        label: k1, k2/k1, k2, layers, core.
        share: of the variance of the objective, 0 to 1.
        low, high: the middle 80 % of it over resamples of the trials.
        first: resamples in which it was the largest.
        below: the label under which it stands: k1 and k2/k1 below k2 where k2 comes before them; it then adds
            its share to what k2 explains. None: it stands alone.
    """

    label: str
    share: float
    low: float
    high: float
    first: int
    below: str | None = None


@dataclass(frozen=True, kw_only=True)
class Importance:
    """What decided.

    Args:
        shares: the largest first, what stands below another right after it; () where `silent`.
        rest: what they leave of 1: noise and interplay.
        r2: how well a forest predicts trials that it has not seen, at most 1.
        trials: it rests on.
        resamples: in which each share was taken again.
        silent: why nothing is said, in a line; "": something is.
    """

    shares: tuple[Share, ...] = ()
    rest: float = 1.0
    r2: float = 0.0
    trials: int = 0
    resamples: int = RESAMPLES
    silent: str = ""


def importance(review: Review) -> Importance:
    """What decided the first objective, over all trials that came to their end.

    Shares of a functional ANOVA of a forest, times the forest's R2 on trials that each tree has not seen. The
    product of two dimensions (k2 beside k1 and k2/k1) is a candidate of its own. A value far worse than the
    others, of a trial that diverged, counts as the worst of them.

    Silent below 24 trials, or 5 for each of more than five dimensions, and where R2 is below 0.1. While a
    search runs the trials are those up to the last tenth.

    Cost: 1 s of a core at 100 trials, 3 s at 500 and more; the same trials are not taken twice.

    Source: Hutter, Hoos & Leyton-Brown (2014), ICML, as `main_effects` has it.
    """
    return _importance(review, steady(review, _valued(review)))


def importance_near_best(review: Review) -> Importance | None:
    """The same among trials nearer to the best than to chance: one step that decides hides all else.

    Returns:
        None where chance is unknown, or all are.
    """
    trials = steady(review, _valued(review))
    kept = near_best(review, trials)
    return None if len(kept) in (0, len(trials)) else _importance(review, kept)


def _valued(review: Review) -> list[TrialRow]:
    return [trial for trial in review.complete if trial.metric(review.objective) is not None]


def _importance(review: Review, trials: Sequence[TrialRow]) -> Importance:
    dimensions = len(varied(review))
    least = LEAST if dimensions <= FEW else LEAST_EACH * dimensions
    if dimensions < 2:
        return Importance(silent="one dimension has nothing to be compared with", trials=len(trials))
    if len(trials) < least:
        return Importance(
            silent=f"needs {least} complete trials, there are {len(trials)}", trials=len(trials)
        )
    if len(trials) > MOST:
        draw = np.random.default_rng(0)
        trials = [trials[i] for i in sorted(draw.choice(len(trials), MOST, replace=False))]
    values = _bounded(review, trials)
    found = table(review, trials)
    if len(found.candidates) < 2 or not np.ptp(values) > 0:
        return Importance(silent="the trials do not differ", trials=len(trials))
    key = (found.candidates, found.numbers.shape, found.numbers.tobytes(), values.tobytes())
    r2, shares, resampled = _shares(*key)
    if r2 < LEAST_R2:
        silent = f"values explain too little of it (R2 {r2:.2f} on trials that were left out)"
        return Importance(silent=silent, r2=r2, trials=len(trials))
    return _in_order(found.candidates, factors(review), shares, resampled, r2=r2, trials=len(trials))


def _bounded(review: Review, trials: Sequence[TrialRow]) -> np.ndarray:
    """(trials,) the objective, less being better, none far beyond the others, unless chance is there."""
    name = review.objective
    sign = -1.0 if review.objectives[name] == "maximize" else 1.0
    values = np.array([sign * trial.measured(name) for trial in trials])
    low, high = np.quantile(values, (0.25, 0.75))
    bounds = [high + FAR * (high - low)] if high > low else []
    if name in review.chance and sign * review.chance[name] > values.min():
        bounds.append(sign * review.chance[name])
    return np.minimum(values, max(bounds)) if bounds else values


@lru_cache(maxsize=16)
def _shares(
    candidates: tuple[Candidate, ...], shape: tuple[int, int], numbers: bytes, values: bytes
) -> tuple[float, np.ndarray, np.ndarray]:
    """R2 out of the bag, (candidates,) shares, (resamples, candidates) shares."""
    x, y = np.frombuffer(numbers).reshape(shape), np.frombuffer(values)
    forest = _forest(x, y, trees=TREES, seed=0, oob_score=True)
    r2 = float(np.clip(forest.oob_score_, 0.0, 1.0))
    draw = np.random.default_rng(1)
    resampled = []
    for number in range(RESAMPLES if r2 >= LEAST_R2 else 0):
        rows = draw.integers(len(y), size=len(y))
        again = _forest(x[rows], y[rows], trees=TREES_OF_A_RESAMPLE, seed=number)
        resampled.append(_mean_effects(again, Table(candidates=candidates, numbers=x)))
    return r2, _mean_effects(forest, Table(candidates=candidates, numbers=x)), np.array(resampled)


def _forest(x: np.ndarray, y: np.ndarray, *, trees: int, seed: int, **more: Any) -> Any:
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(trees, random_state=seed, **more).fit(x, y)


def _mean_effects(forest: Any, found: Table) -> np.ndarray:
    return np.mean([main_effects(tree.tree_, found) for tree in forest.estimators_], axis=0)


def _in_order(
    candidates: Sequence[Candidate],
    products: dict[str, tuple[str, str]],
    shares: np.ndarray,
    resampled: np.ndarray,
    *,
    r2: float,
    trials: int,
) -> Importance:
    low, high = np.quantile(resampled, (0.1, 0.9), axis=0) * r2
    winners = resampled.argmax(1)
    labels = [candidate.label for candidate in candidates]
    ranked = sorted(range(len(labels)), key=lambda i: (-shares[i], i))
    below = {
        part: product
        for product, parts in products.items()
        for part in parts
        if {product, part} <= set(labels)
        and all(shares[labels.index(product)] >= shares[labels.index(p)] for p in parts if p in labels)
    }
    found = [
        Share(
            label=labels[i],
            share=float(shares[i] * r2),
            low=float(low[i]),
            high=float(high[i]),
            first=int((winners == i).sum()),
            below=below.get(labels[i]),
        )
        for i in ranked
    ]
    tops = [share for share in found if share.below is None]
    placed = [each for top in tops for each in (top, *(s for s in found if s.below == top.label))]
    return Importance(
        shares=tuple(placed),
        rest=max(0.0, 1.0 - sum(share.share for share in placed)),
        r2=r2,
        trials=trials,
    )
