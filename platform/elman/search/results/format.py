"""How the values of a trial are formatted and in which order, wherever a study is displayed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from elman.search.results.review import Review, TrialRow

DEPTH = ("layers", "depth")
CHARACTERS_OF_A_CHOICE = 18
VALUES_OF_A_NAME = 3


def number(value: float) -> str:
    """Four digits that count: 1.912, 41.2, 0.0031, 12,345, 3e-05."""
    if isinstance(value, int) or abs(value) >= 10_000:
        return f"{value:,.0f}" if abs(value) < 1e15 else f"{value:.4g}"
    return f"{value:.4g}"


def formatted(value: Any) -> str:
    """A value as it stands in a table: what was drawn from a range with four digits, a word as it is."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return " ".join(str(value).split())


def short(text: str, limit: int = CHARACTERS_OF_A_CHOICE) -> str:
    """At most `limit` characters; the end is kept, since long choices differ there."""
    return text if len(text) <= limit else f"{text[: limit // 3]}…{text[-(limit - limit // 3 - 1) :]}"


def seconds_in_words(seconds: float) -> str:
    """41 s, 12 min, 3.4 h."""
    if seconds < 100:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 100 * 60 else f"{seconds / 3600:.1f} h"


def labels(review: Review, *, multiples: bool = True) -> list[str]:
    """The labels of a trial, the windows first, then the depth, then the rest as the space has it.

    Args:
        multiples: also k2/k1 where k2 stands beside it.
    """
    found: list[str] = []
    for dimension in review.dimensions:
        product = dimension.derived if dimension.derived in review.present else None
        if product and product not in found:
            found.append(product)
        if multiples or not product:
            found.append(dimension.label)
    return sorted(found, key=_place)


def window_labels(review: Review) -> tuple[str, str] | None:
    """The labels of k1 and k2 where some trial has both."""
    names = labels(review)
    k1, k2 = (next((n for n in names if _last_word(n) == word), None) for word in ("k1", "k2"))
    if k1 and k2 and any(k1 in trial.values and k2 in trial.values for trial in review.trials):
        return k1, k2
    return None


def in_words(review: Review, values: Mapping[str, Any]) -> str:
    """`k1=20, k2=60, layers=2, lr=0.0031`"""
    return ", ".join(
        f"{label}={brief(values[label])}" for label in labels(review, multiples=False) if label in values
    )


def trial_name(number: int, values: Mapping[str, Any]) -> str:
    """`#7 k1=20 k2=60 L2`: the name of its run, with its first few values, short enough for a narrow list."""
    present = sorted(values, key=_place)
    kept = [label for label in present if not (_last_word(label) == "k2/k1" and len(present) > 2)]
    return " ".join([f"#{number}", *(_named(label, values[label]) for label in kept[:VALUES_OF_A_NAME])])


def _named(label: str, value: Any) -> str:
    return f"L{value}" if _last_word(label) in DEPTH and isinstance(value, int) else f"{label}={brief(value)}"


def cost_name(review: Review) -> str | None:
    """The cost that trials have: the same on every machine where that was measured."""
    names = [name for trial in review.feasible for name in (*trial.costs, *trial.constrained)]
    return next((n for n in ("cost/core_steps_per_step", "cost/seconds") if n in names), None)


def cost_in_words(trial: TrialRow) -> str:
    """`at 3.0 core steps a time step and 41 s`; empty where nothing is known."""
    core_steps = trial.metric("cost/core_steps_per_step")
    parts = [f"{core_steps:.1f} core steps a time step"] if core_steps is not None else []
    if trial.seconds is not None:
        parts.append(seconds_in_words(trial.seconds))
    return f"at {' and '.join(parts)}" if parts else ""


def kind(review: Review, trial: TrialRow) -> str:
    """Its state, or `infeasible` for a complete trial that is above a limit."""
    return "infeasible" if trial.state == "complete" and not review.keeps_limits(trial) else trial.state


def counts_in_words(review: Review) -> str:
    """`12 complete, 2 running`; empty before the first trial."""
    return ", ".join(f"{count} {state}" for state, count in review.counts().items() if count)


def counted(count: int, what: str) -> str:
    """`1 trial`, `24 trials`"""
    return f"{count} {what}{'' if count == 1 else 's'}"


def brief(value: Any) -> str:
    """A value in running text, where three digits do."""
    return f"{value:.3g}" if isinstance(value, float) else short(formatted(value), 40)


def _last_word(label: str) -> str:
    return label if "/" in label else label.rpartition(".")[2]


def _place(label: str) -> int:
    word = label.rpartition(".")[2]
    if word.partition("/")[0] in ("k1", "k2"):
        return ("k1", "k2", "k2/k1").index(word) if word in ("k1", "k2", "k2/k1") else 2
    return 3 if word in DEPTH else 4
