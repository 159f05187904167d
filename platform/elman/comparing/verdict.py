"""What a comparison comes to: each recipe as a whole, and each two of them against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from math import exp, log
from statistics import median

from elman.comparing.pairing import pairing
from elman.comparing.statistics import FEW, LEVEL, Difference, holm, learned_p, paired, unpaired
from elman.groups.member import Member
from elman.groups.spread import Spread, spread
from elman.tracking.metrics import high_is_good

NEGLIGIBLE = 0.001
"""Of what a constant answer reaches: less is a difference of digits, as between losses of 1e-6 and 1e-4."""
FASTER = 1.1  # times: below, machines differ by as much
Curve = list[tuple[int, float]]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One run of a recipe.

    Args:
        run: its id.
        value: of the metric; None: it has none that is a number.
        learned: whether it is better than a constant answer; None: nobody knows what that reaches.
        ms_per_step: milliseconds of training for a time step.
        curve: the metric over time steps.
    """

    run: str
    value: float | None
    learned: bool | None = None
    ms_per_step: float | None = None
    curve: Curve = field(default_factory=list)

    @property
    def counts(self) -> bool:
        return self.value is not None and self.learned is not False


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One of the recipes.

    Args:
        name: that tells it from the others.
        outcomes: of its runs that have ended, by seed and fold.
        unfinished: runs that have not ended, or failed for a reason of their own.
        parameters: of its network; None: unknown.
    """

    name: str
    outcomes: Mapping[Member, Outcome]
    unfinished: int = 0
    parameters: int | None = None

    @property
    def counted(self) -> dict[Member, Outcome]:
        """Those that learned, as far as that is known."""
        return {member: each for member, each in self.outcomes.items() if each.counts}

    @property
    def knows_learned(self) -> bool:
        return any(each.learned is not None for each in self.outcomes.values())

    @property
    def learned(self) -> tuple[int, int]:
        """How many learned, of how many."""
        return len(self.counted), len(self.outcomes)

    @property
    def share(self) -> float:
        return len(self.counted) / len(self.outcomes) if self.outcomes else 0.0

    def values(self, members: Sequence[Member] | None = None) -> list[float]:
        """Of those that learned."""
        there = self.counted
        return [there[m].value or 0.0 for m in (there if members is None else members)]

    def spread(self) -> Spread | None:
        return spread(self.values())

    def log_times(self) -> list[float]:
        """Of each run, the logarithm of its milliseconds a time step."""
        return [log(each.ms_per_step) for each in self.outcomes.values() if each.ms_per_step]

    @property
    def ms_per_step(self) -> float | None:
        """Of the run in the middle."""
        found = [each.ms_per_step for each in self.outcomes.values() if each.ms_per_step]
        return median(found) if found else None


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two recipes against each other.

    Args:
        first, second: the better one first.
        difference: of the second less the first; None: one of them has no run to compare.
        left_out: runs that have no partner, in a line.
        p_holm: p, larger by as much as the number of comparisons needs; None: there is one comparison.
        learned_p: of Fisher's exact test of how many learned; None: nobody knows, or all did.
        learns_more_often: whether it may be said that the first learns with more of its seeds.
        claimed: whether it may be said that the first is better, of those that learned.
        negligible: a smaller difference is none; None: unknown.
    """

    first: Arm
    second: Arm
    difference: Difference | None
    left_out: str = ""
    p_holm: float | None = None
    learned_p: float | None = None
    learns_more_often: bool = False
    claimed: bool = False
    negligible: float | None = None

    @property
    def is_negligible(self) -> bool:
        found = self.difference
        return found is not None and self.negligible is not None and abs(found.mean) < self.negligible

    @property
    def too_few(self) -> bool:
        """Whether nothing is shown, and there are too few runs to have shown it."""
        return not self.claimed and self.difference is not None and self.difference.count <= FEW

    @property
    def speed(self) -> tuple[Arm, float] | None:
        """The faster one and by how many times; None: unknown, about the same, or lost in scatter."""
        logs = [arm.log_times() for arm in (self.first, self.second)]
        if not all(logs):
            return None
        found = unpaired(*logs)
        ratio = exp(abs(found.mean))
        if ratio < FASTER or not (found.excludes_zero or found.count == 1):
            return None
        return (self.first if found.mean > 0 else self.second, ratio)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Recipes side by side.

    Args:
        metric: that they are compared by.
        value: which of its values: best or last.
        arms: in the order given.
        pairs: each two of them.
        floor: what a constant answer reaches; None: unknown.
        notes: what a reader has to know: what differs in the recipes, what does not pair.
    """

    metric: str
    value: str
    arms: Sequence[Arm]
    pairs: Sequence[Pair]
    floor: float | None = None
    notes: Sequence[str] = ()

    @property
    def ranked(self) -> list[Arm]:
        """The largest share that learned first, of equal ones the best mean."""
        return sorted(self.arms, key=lambda arm: _rank(arm, self.metric))


def compare(
    arms: Sequence[Arm],
    *,
    metric: str,
    value: str = "best",
    floor: float | None = None,
    notes: Sequence[str] = (),
) -> Comparison:
    """Each two recipes against each other: first by how many runs learned, then by the values of those.

    Args:
        arms: at least two, of different names.
        metric, value, floor, notes: as of `Comparison`.
    """
    negligible = None if floor is None or high_is_good(metric) else NEGLIGIBLE * abs(floor)
    pairs = [_pair(a, b, metric=metric, negligible=negligible) for a, b in combinations(arms, 2)]
    if len(arms) > 2:
        pairs = _adjusted(pairs)
    return Comparison(metric=metric, value=value, arms=arms, pairs=pairs, floor=floor, notes=notes)


def _adjusted(pairs: Sequence[Pair]) -> list[Pair]:
    """With p values for all tests that were made at once, by Holm, and what may be claimed then."""
    tests = [
        (number, kind, p)
        for number, pair in enumerate(pairs)
        for kind, p in (
            ("value", pair.difference.p if pair.difference else None),
            ("learned", pair.learned_p),
        )
        if p is not None
    ]
    larger = {(n, kind): p for (n, kind, _), p in zip(tests, holm([p for *_, p in tests]), strict=True)}
    return [
        replace(
            pair,
            p_holm=larger.get((number, "value")),
            learned_p=larger.get((number, "learned")),
            claimed=pair.claimed and larger.get((number, "value"), 1.0) < LEVEL,
            learns_more_often=pair.learns_more_often and larger.get((number, "learned"), 1.0) < LEVEL,
        )
        for number, pair in enumerate(pairs)
    ]


def _rank(arm: Arm, metric: str) -> tuple[float, float]:
    found, sign = arm.spread(), -1.0 if high_is_good(metric) else 1.0
    return (
        -arm.share if arm.knows_learned else 0.0,
        sign * found.mean if found is not None else float("inf"),
    )


def _pair(one: Arm, other: Arm, *, metric: str, negligible: float | None) -> Pair:
    first, second = sorted((one, other), key=lambda arm: _rank(arm, metric))
    apart = None
    if (first.knows_learned or second.knows_learned) and first.learned != second.learned:
        apart = learned_p(first.learned, second.learned)
    more_often = apart is not None and apart < LEVEL
    if not (first.counted and second.counted):
        return Pair(
            first=first, second=second, difference=None, learned_p=apart, learns_more_often=more_often
        )
    found = pairing(first.counted, second.counted, (first.name, second.name))
    if found.paired:
        difference = paired(first.values(found.members), second.values(found.members))
    else:
        difference = unpaired(first.values(), second.values())
    if first.share == second.share and not _first_is_better(difference, metric):
        first, second, difference = second, first, _turned(difference)  # by the pairs, not by all runs
    size_matters = negligible is None or abs(difference.mean) >= negligible
    by_value = difference.excludes_zero and size_matters and _first_is_better(difference, metric)
    return Pair(
        first=first,
        second=second,
        difference=difference,
        left_out=found.left_out,
        learned_p=apart,
        learns_more_often=more_often,
        claimed=by_value,
        negligible=negligible,
    )


def _first_is_better(difference: Difference, metric: str) -> bool:
    return (difference.mean < 0) == high_is_good(metric)


def _turned(found: Difference) -> Difference:
    """Of the first less the second."""
    return replace(
        found,
        mean=-found.mean,
        low=None if found.high is None else -found.high,
        high=None if found.low is None else -found.low,
        positive=found.negative,
        negative=found.positive,
        effect=None if found.effect is None else -found.effect,
        gaps=tuple(-gap for gap in found.gaps),
    )
