"""The answer of a study in plain words: which values, how good, what they cost, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence

from elman.search.results.cost_view import with_cost
from elman.search.results.edges import edges
from elman.search.results.format import cost_in_words, counted, counts_in_words, number
from elman.search.results.importance import Importance, importance, importance_near_best
from elman.search.results.knee import knee
from elman.search.results.named import named
from elman.search.results.named_words import doubts, ended, evidence, price, sentence, where
from elman.search.results.review import Review, TrialRow

POINTS_OF_A_FRONT = 8
LEAST_NAMED = 0.05  # a share below it is not worth a word


def answer(review: Review) -> str:
    """Paragraphs of plain text, the most important first; lists have lines that begin with "- ".

    As far as the trials have come; while some run the first paragraph is about that.
    """
    parts = [_far(review)]
    found = named(review)
    several = len(review.objectives) > 1 and bool(review.pareto())
    if found is None:
        return "\n\n".join(filter(None, [*parts, _nothing_yet(review)]))
    more = f"{doubts(review, found)} {evidence(review, found)}".strip()
    if found.how != "observed":
        parts += [sentence(review, found), more, _front(review) if several else ""]
    elif several:
        parts += [_front(review), more]
    else:
        parts += [sentence(review, found), more]
        parts.append(f"{_runner_up(review)} {_cheaper(review, found.trial)}".strip())
    parts += [_decided(review), edges(review, found.trial), _exhausted(review)]
    return "\n\n".join(part for part in parts if part)


def headline(review: Review) -> list[str]:
    """The answer in a sentence or two: the trial that is named, and of a front also its knee."""
    found, bend = named(review), knee(review)
    if found is None:
        return [_nothing_yet(review)]
    text = [sentence(review, found)]
    if bend is not None and bend.number != found.trial.number:
        value = f"{review.objective} {number(bend.measured(review.objective))}"
        text.append(
            f"The knee of the front is trial {bend.number}: {value}{where(review, bend)}{price(bend)}."
        )
    return text


def lead(paragraphs: Sequence[str]) -> int | None:
    """The paragraph that answers, after how far it has come; None where that is a list."""
    index = 1 if len(paragraphs) > 1 and paragraphs[0].startswith("So far") else 0
    return None if "\n" in paragraphs[index] else index


def _far(review: Review) -> str:
    """How far it has come, while it has not ended."""
    counts = review.counts()
    if not counts["running"] + counts["waiting"]:
        return ""
    budget = f", the budget being {review.budget}" if review.budget else ""
    return f"So far{budget}: {counts_in_words(review)}."


def _runner_up(review: Review) -> str:
    if len(review.ranked()) < 2:
        return "No other trial came to its end within the limits."
    best, second = review.ranked()[:2]
    name = review.objective
    gap = abs(best.measured(name) - second.measured(name))
    behind = f"is {gap:.2g} behind" if gap else "is as good"
    return f"The runner-up, trial {second.number}, {behind}{where(review, second, ', with')}."


def _cheaper(review: Review, best: TrialRow) -> str:
    """The trial at the knee of value against cost, if that is another one."""
    priced = with_cost(review)
    bend = knee(priced) if priced else None
    if bend is None or bend.number == best.number:
        return ""
    value = number(bend.measured(review.objective))
    reached = f"Cheaper: trial {bend.number} reaches {value} {cost_in_words(bend)}"
    known = bend.number == review.ranked()[1].number  # its values have just been given
    return f"{reached}{'' if known else where(review, bend, ', with')}; beyond it, more cost buys less."


def _exhausted(review: Review) -> str:
    """That nothing is left to try, where that is so."""
    begun = {repr(sorted(trial.values.items())) for trial in review.trials if trial.state != "waiting"}
    if not review.points or len(begun) < review.points:
        return ""
    return f"Every one of the {review.points} points of the space was tried."


def _front(review: Review) -> str:
    """Every point of the front with its metrics and values, the knee and the ends named."""
    front, bend = review.pareto(), knee(review)
    names = list(review.objectives)
    lines = [f"Of {ended(review)} {len(front)} {'is' if len(front) == 1 else 'are'} beaten by no other in "]
    lines[0] += f"{' and '.join([', '.join(names[:-1]), names[-1]])}:"
    kept = front
    if len(front) > POINTS_OF_A_FRONT:
        # Both ends, the knee, and evenly spread ones between them.
        last = len(front) - 1
        chosen = {round(i * last / (POINTS_OF_A_FRONT - 1)) for i in range(POINTS_OF_A_FRONT)}
        kept = [t for i, t in enumerate(front) if i in chosen or (bend and t.number == bend.number)]
    for trial in kept:
        role = f"best {names[0]}, " if trial is front[0] else ""
        if bend is not None and trial.number == bend.number:
            role += "the knee, "
        values = ", ".join(f"{name} {number(trial.measured(name))}" for name in names)
        lines.append(f"- {role}trial {trial.number}: {values}{where(review, trial)}")
    if len(kept) < len(front):
        lines.append(f"- and {len(front) - len(kept)} between them")
    return "\n".join(lines)


def _decided(review: Review) -> str:
    """What decided, and what decided among those near the best; empty where neither can be said."""
    found, among = importance(review), importance_near_best(review)
    lines = [] if found.silent else [_shares(found, "decided most")]
    if among is not None and not among.silent:
        lines.append(
            _shares(among, f"decided most among the {among.trials} trials nearer to the best than to chance")
        )
    return " ".join(lines)


def _shares(found: Importance, what: str) -> str:
    """`k2 decided most (0.81 of the variance, first in 20 of 20 resamples), then lr (0.10); ...`"""
    first, *others = found.shares
    parts = [share for share in others if share.below == first.label and share.share >= LEAST_NAMED]
    more = [share for share in others if share.below is None and share.share >= LEAST_NAMED][:2]
    text = f"{first.label} {what} ({first.share:.2f} of the variance"
    text += f", first in {first.first} of {found.resamples} resamples)"
    if parts:
        text += f", beside it {' and '.join(f'{s.label} ({s.share:.2f})' for s in parts)}"
    if more:
        text += f", then {' and '.join(f'{s.label} ({s.share:.2f})' for s in more)}"
    return f"{text}; noise and interplay {found.rest:.2f}."


def _nothing_yet(review: Review) -> str:
    """What is known while no trial has come to its end within the limits."""
    name = review.objective
    over = [trial for trial in review.complete if not review.keeps_limits(trial)]
    if over:
        limits = ", ".join(f"{metric} <= {limit:g}" for metric, limit in review.constraints.items())
        metric, limit = next(iter(review.constraints.items()))
        least = min(over, key=lambda t: (t.constrained.get(metric, float("inf")), t.number))
        text = f"No complete trial keeps the limits ({limits})."
        if metric in least.constrained and least.constrained[metric] > limit:
            text += f" Nearest is trial {least.number} with {metric} {number(least.constrained[metric])}"
            text += f"{where(review, least, ' at')}."
        return text
    validated = [trial for trial in review.trials if trial.metric(name) is not None]
    if validated:
        up = review.objectives[name] == "maximize"
        best = (max if up else min)(validated, key=lambda t: t.measured(name))
        value = f"{name} {number(best.measured(name))}"
        at = f"trial {best.number} ({best.state}) after {best.time_steps:,} time steps"
        return f"No trial has come to its end yet. Best seen: {value} in {at}{where(review, best, ', with')}."
    failed = [trial for trial in review.trials if trial.state == "failed"]
    if failed:
        why = f" The first one: {' '.join(failed[0].why.split())}" if failed[0].why else ""
        return f"No trial has come to its end, {counted(len(failed), 'trial')} failed.{why}"
    return "No trial has been validated yet." if review.trials else "No trial has begun yet."
