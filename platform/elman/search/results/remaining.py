"""How long a search will still take, if it goes on as so far."""

from __future__ import annotations

from elman.search.results.review import ENDED, Review


def remaining_hours(review: Review) -> float | None:
    """Hours until the first limit of the budget is spent and the confirming runs have ended.

    None where it cannot be told: nothing has ended, or no time was counted yet. A pruned trial counts as one
    that took as long as the others.
    """
    ended = len(review.ended)
    spent = {
        "trials": float(ended),
        "time_steps": float(sum(trial.time_steps for trial in review.trials)),
        "hours": review.hours,
    }
    shares = [spent[name] / limit for name, limit in review.limits.items() if limit > 0]
    if not shares or not ended or not review.hours > 0:
        return None
    share = min(1.0, max(shares))
    if share == 0:
        return None
    confirmed = sum(run.state in ENDED for run in review.confirmations) * review.confirm_budget
    each = review.hours / (ended + confirmed)
    left = ended / share - ended if share < 1 else 0.0
    return each * (left + review.confirm_runs * review.confirm_budget - confirmed)


def in_words(hours: float) -> str:
    """`40 s`, `12 min`, `3.4 h`"""
    if hours < 1.5 / 60:
        return f"{3600 * hours:.0f} s"
    return f"{60 * hours:.0f} min" if hours < 1.5 else f"{hours:.1f} h"
