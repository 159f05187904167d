"""Searches side by side: what each has named, and what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from elman.errors import BadInput
from elman.search.results.answer import answer
from elman.search.results.named import named
from elman.search.results.review import Review


def compared(reviews: Sequence[Review], *, force: bool) -> list[dict[str, Any]]:
    """A row for each search, by names that stay.

    Raises:
        BadInput: if their objectives are not the same, unless it is forced.
    """
    first = reviews[0]
    for other in reviews[1:]:
        if other.objectives.keys() != first.objectives.keys() and not force:
            one, two = (", ".join(each.objectives) for each in (first, other))
            raise BadInput(
                f"studies {first.name} and {other.name} have other objectives, {one} and {two}, which do not "
                "compare; --force compares them all the same"
            )
    return [_row(review) for review in reviews]


def _row(review: Review) -> dict[str, Any]:
    found = named(review)
    best = found.trial if found else None
    return {
        "study": review.name,
        "experiment": review.experiment,
        "answer": answer(review),
        "objectives": dict(review.objectives),
        "trials": len(review.trials),
        "complete": len(review.complete),
        "best_trial": best.number if best else None,
        "how": found.how if found else None,
        "best_values": best.values if best else None,
        "best": best.objectives if best else None,
        "time_steps": sum(trial.time_steps for trial in review.trials),
        "hours": review.hours,
    }


def in_words(rows: Sequence[dict[str, Any]]) -> str:
    """For the terminal."""
    lines: list[str] = []
    for row in rows:
        lines += [
            f"{row['study']} (experiment {row['experiment']}): {row['complete']} of {row['trials']} trials "
            f"complete, {row['time_steps']:,} time steps, {row['hours']:.2f} hours",
            *(f"  {line}" for line in str(row["answer"]).splitlines() if line),
        ]
    return "\n".join(lines)
