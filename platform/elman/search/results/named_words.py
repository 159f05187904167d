"""The trial that a study names in words: what it reaches, at which cost, and how sure that is."""

from __future__ import annotations

from elman.search.results.cost_view import has_cost
from elman.search.results.format import cost_in_words, counted, in_words, number
from elman.search.results.learned import is_at_chance, signed, tolerance
from elman.search.results.named import Named, is_confirmed
from elman.search.results.review import Review, TrialRow

HOW = {
    "observed": "best observed",
    "guessed": "guessed from the trials, not measured",
    "measured": "measured",
}
"""How a trial came to be named, in a few words."""
MUCH = 3.0  # noise standard deviations by which a last value is much worse
MUCH_OF_VALUE, MUCH_OF_LEARNED = 0.1, 0.01  # the same, where noise is unknown, and at least


def sentence(review: Review, found: Named) -> str:
    """What is named, with value, place in the space and cost, and how it is known."""
    trial, name = found.trial, review.objective
    if found.how == "observed":
        value = f"{name} {number(trial.measured(name))}"
        return f"Best of {ended(review)}: {value}{where(review, trial)} (trial {trial.number}){price(trial)}."
    claim = (
        f"of {ended(review)} the cheapest that" if has_cost(review) else f"of {ended(review)} the one that"
    )
    if found.how == "guessed":
        value = f"{name} {number(trial.measured(name))}"
        text = (
            f"{value}{where(review, trial)} (trial {trial.number}){price(trial)}: {claim} is likely as good "
        )
        return f"{text}as the best, {HOW['guessed']}."
    seeds = f"{found.runs} new seed{'' if found.runs == 1 else 's'}"
    if found.learned < found.runs:
        seeds += f", of which {found.learned} learned"
    value = f"{name} {number(found.value or 0.0)} over {seeds}"
    if found.interval:
        value += f" (95 % interval {number(found.interval[0])} to {number(found.interval[1])})"
    text = f"{value}{where(review, trial, ',')} (trial {trial.number}){price(trial)}: {claim} holds as good "
    return f"{text}as the best, {HOW['measured']}."


def evidence(review: Review, found: Named) -> str:
    """What the naming rests on: the best observed beside a guess, the noise; never beside a measured mean.

    The best one observed was chosen for its luck too, so it looks better than it is.
    """
    name, parts = review.objective, []
    best = review.best()
    if found.how == "guessed" and best is not None and best.number != found.trial.number:
        value = f"{name} {number(best.measured(name))}"
        parts.append(f"Best observed: trial {best.number}, {value}{where(review, best)}{price(best)}.")
    if found.noise and found.how == "guessed":
        parts.append(f"Another seed is guessed to change a value by {found.noise:.2g} (standard deviation).")
    if found.noise and found.how == "measured":
        count = len(review.confirmations)
        parts.append(f"Another seed changes a value by {found.noise:.2g} (standard deviation, {count} runs).")
    return " ".join(parts)


def doubts(review: Review, found: Named) -> str:
    """What speaks against it: chance is not beaten, or its last validation was much worse."""
    name, trial, parts = review.objective, found.trial, []
    value = trial.metric(name)
    at_chance = value is not None and is_at_chance(review, value)
    if at_chance:
        parts.append(
            f"That is at chance level: what has learned nothing reaches {number(review.chance[name])}."
        )
    last = much_worse_at_end(review, trial, found.noise)
    if last is not None:
        parts.append(f"Its last validation was much worse: {number(last)}.")
    if review.confirm_runs and not at_chance and not is_confirmed(review):
        over = sum(run.state in ("complete", "failed") for run in review.confirmations)
        parts.append(f"{over} of {review.confirm_runs} confirming runs have ended.")
    return " ".join(parts)


def much_worse_at_end(review: Review, trial: TrialRow, noise: float | None) -> float | None:
    """The last value of a trial's curve, where it is much worse than the value that counts; else None.

    Much is three standard deviations of the noise between seeds, and at least a hundredth of what was
    learned; a tenth of the value where the noise is unknown.
    """
    value = trial.metric(review.objective)
    if value is None or not trial.curve:
        return None
    last = trial.curve[max(trial.curve)]
    gap = signed(review, last) - signed(review, value)
    learned = tolerance(review, signed(review, value), share=MUCH_OF_LEARNED)
    limit = MUCH * noise if noise is not None else MUCH_OF_VALUE * abs(value)
    return last if gap > max(limit, learned) else None


def ended(review: Review) -> str:
    """`24 trials (3 above a limit)`"""
    over = len(review.complete) - len(review.feasible)
    return f"{counted(len(review.ended), 'trial')}{f' ({over} above a limit)' if over else ''}"


def price(trial: TrialRow) -> str:
    """The cost of a trial as the end of a sentence; empty where it is not known."""
    cost = cost_in_words(trial)
    return f", {cost}" if cost else ""


def where(review: Review, trial: TrialRow, link: str = " with") -> str:
    """The values of a trial as the end of a sentence."""
    values = in_words(review, trial.values)
    return f"{link} {values}" if values else ""
