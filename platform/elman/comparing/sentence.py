"""A comparison in sentences that claim no more than its figures do."""

from __future__ import annotations

from elman.comparing.statistics import FEW
from elman.comparing.verdict import Arm, Comparison, Pair
from elman.groups.results import digits_for
from elman.tracking.metrics import high_is_good

MOST_DIGITS = 9
UNITS = {
    "nats_per_step": "nats",
    "bits_per_step": "bits",
    "accuracy": "of accuracy",
    "exact": "of exact ones",
}


def sentences(found: Comparison) -> list[str]:
    """One for each two recipes, the best of all first."""
    order = {arm.name: place for place, arm in enumerate(found.ranked)}
    pairs = sorted(found.pairs, key=lambda p: (order[p.first.name], order[p.second.name]))
    lines = [sentence(found, pair) for pair in pairs]
    if len(found.arms) > 2:
        lines.append(f"p is by Holm for {len(found.pairs)} comparisons at once")
    return lines


def sentence(found: Comparison, pair: Pair) -> str:
    """Who is better, by how much, in how many pairs, and how sure that is."""
    parts = [part for part in (_learning(pair), _value(found, pair), _speed(pair)) if part]
    return "; ".join(parts)


def unit(metric: str) -> str:
    """Of a metric's values, in a sentence."""
    quantity = metric.rpartition("/")[2]
    return UNITS.get(quantity, f"of {quantity}")


def _learning(pair: Pair) -> str:
    """How many learned, where that is not the same: it comes first, since values leave out what did not."""
    first, second = pair.first, pair.second
    if not (first.knows_learned or second.knows_learned):
        return ""
    if first.learned == second.learned and first.share == 1.0:
        return ""
    told = f"{first.name} learned in {_of(first)}, {second.name} in {_of(second)}"
    if pair.learns_more_often:
        return f"{first.name} learns more often: {told} (Fisher's exact p {_p(pair.learned_p)})"
    if pair.learned_p is None:
        return told
    return f"{told} (Fisher's exact p {_p(pair.learned_p)}, no claim)"


def _of(arm: Arm) -> str:
    learned, of = arm.learned
    return f"{learned} of {of} runs"


def _value(found: Comparison, pair: Pair) -> str:
    difference, first, second = pair.difference, pair.first.name, pair.second.name
    if difference is None:
        none = [arm.name for arm in (pair.first, pair.second) if not arm.counted]
        return f"{' and '.join(none)} left nothing to compare"
    half = 0.0 if difference.low is None or difference.high is None else difference.high - difference.low
    digits = digits_for(half / 4, difference.mean)
    for end in (difference.low, difference.high):  # a claim hangs on which side of zero they lie
        while end and not round(end, digits) and digits < MOST_DIGITS:
            digits += 1
    size = f"{abs(difference.mean):.{digits}f} {unit(found.metric)}"
    turned = (difference.mean < 0) == high_is_good(found.metric)  # the first is better
    ahead, behind = (first, second) if turned else (second, first)
    what = _what(pair)
    if difference.count == 1 or difference.low is None or difference.high is None:
        return (
            f"one pair of runs: {ahead} is better than {behind} by {size}, which another seed may turn; "
            "elman fit --seeds=5 makes five"
        )
    low, high = difference.low, difference.high
    if difference.mean < 0:  # of how much better the one ahead is
        low, high = -high, -low
    interval = f"interval {low:.{digits}f} to {high:.{digits}f}"
    exact = "" if difference.exact is None else f", exact p {_p(difference.exact)}"
    adjusted = "" if pair.p_holm is None else f", Holm's p {_p(pair.p_holm)}"
    facts = f"{what}, {interval}{exact}{adjusted}"
    if pair.is_negligible and pair.negligible is not None:
        return (
            f"no difference that matters between {first} and {second}: {size} is less than a thousandth of "
            f"what a constant answer reaches ({facts})"
        )
    if pair.claimed:
        return f"{ahead} beats {behind} by {size}, {facts}"
    if difference.excludes_zero and not turned:
        return f"of those that learned, {ahead} is better than {behind} by {size}, {facts}"
    if difference.count <= FEW:
        return f"too few seeds for a claim: {ahead} is better than {behind} by {size}, {facts}"
    return f"no difference is shown: {ahead} is better than {behind} by {size}, {facts}"


def _what(pair: Pair) -> str:
    """In how many pairs the better one is better, or how many runs were compared unpaired."""
    difference = pair.difference
    assert difference is not None, "asked of a difference"
    if not difference.paired:
        return f"{len(pair.first.counted)} and {len(pair.second.counted)} runs that do not pair (Welch)"
    ahead = difference.positive if difference.mean > 0 else difference.negative
    kind = "seeds" if all(member.fold is None for member in pair.first.counted) else "folds"
    if all(member.fold is not None and member.seed is not None for member in pair.first.counted):
        seeds = {member.seed for member in pair.first.counted}
        kind = "pairs" if len(seeds) > 1 else "folds"
    return f"{ahead} of {difference.count} {kind}"


def _speed(pair: Pair) -> str:
    if pair.speed is None:
        return ""
    arm, ratio = pair.speed
    return f"{arm.name} is {ratio:.1f} times faster"


def _p(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}" if value >= 0.001 else f"{value:.1e}"
