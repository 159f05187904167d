"""A comparison as a table: text, Markdown, CSV, LaTeX; and whole, as JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Sequence
from typing import Any

from elman.comparing.sentence import sentences
from elman.comparing.verdict import Arm, Comparison, Pair
from elman.groups.results import digits_for

COLUMNS = (
    "recipe",
    "runs",
    "learned",
    "mean",
    "st.dev.",
    "95 % from",
    "95 % to",
    "behind the best",
    "ms a step",
)


def as_text(found: Comparison) -> str:
    """For the terminal: the sentences, the table, what differs."""
    rows = [list(_head(found)), *_rows(found)]
    sizes = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    table = [
        "  ".join(
            [row[0].ljust(sizes[0]), *(c.rjust(n) for c, n in zip(row[1:], sizes[1:], strict=True))]
        ).rstrip()
        for row in rows
    ]
    return "\n".join([*sentences(found), "", f"{found.value} {found.metric}", *table, "", *_notes(found)])


def as_markdown(found: Comparison) -> str:
    head = _head(found)
    lines = [f"| {' | '.join(head)} |", f"| --- {'| ---: ' * (len(head) - 1)}|"]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in _rows(found)]
    parts = [f"**{line}**" for line in sentences(found)]
    return "\n\n".join([*parts, f"{found.value} {found.metric}:", "\n".join(lines), _list(_notes(found))])


def as_latex(found: Comparison) -> str:
    """A tabular for `booktabs`, its sentences as comments above it."""
    head = [_tex(cell) for cell in _head(found)]
    lines = [f"% {line}" for line in sentences(found)]
    lines += [
        f"% {found.value} {found.metric}",
        f"\\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
        "\\toprule",
    ]
    lines += [f"{' & '.join(head)} \\\\", "\\midrule"]
    lines += [f"{' & '.join(map(_tex, row))} \\\\" for row in _rows(found)]
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}"])


def as_csv(found: Comparison) -> str:
    """A line for each run, at full length: what is averaged is for the reader to take."""
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(["recipe", "seed", "fold", "run", found.metric, "learned", "ms_per_step"])
    for arm in found.arms:
        for member, each in arm.outcomes.items():
            known = "" if each.learned is None else str(each.learned).lower()
            values = [member.seed, member.fold, each.run, each.value, known, each.ms_per_step]
            lines.writerow([arm.name, *("" if value is None else value for value in values)])
    return out.getvalue().rstrip("\n")


def as_json(found: Comparison) -> str:
    """All of it; `docs/programs.md` says what the names mean."""
    return json.dumps(plain(found), indent=1)


def plain(found: Comparison) -> dict[str, Any]:
    """A comparison as plain values."""
    return {
        "metric": found.metric,
        "value": found.value,
        "floor": found.floor,
        "sentences": sentences(found),
        "notes": list(found.notes),
        "recipes": [_arm(arm) for arm in found.arms],
        "pairs": [_pair(pair) for pair in found.pairs],
    }


FORMATS: dict[str, Callable[[Comparison], str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "csv": as_csv,
    "latex": as_latex,
    "json": as_json,
}


def _head(found: Comparison) -> Sequence[str]:
    return COLUMNS


def _rows(found: Comparison) -> list[list[str]]:
    """The best first; how far behind the best, by the pairs."""
    best, rows = found.ranked[0], []
    for arm in found.ranked:
        known = arm.spread()
        digits = 4 if known is None else digits_for(known.sd or 0.0, known.mean)

        def number(value: float | None, digits: int = digits) -> str:
            return "" if value is None else f"{value:.{digits}f}"

        learned, of = arm.learned
        numbers = (
            ["", "", "", ""]
            if known is None
            else list(map(number, (known.mean, known.sd, known.low, known.high)))
        )
        behind = _behind(found, best, arm)
        speed = "" if arm.ms_per_step is None else f"{arm.ms_per_step:.3g}"
        share = f"{learned} of {of}" if arm.knows_learned else ""
        rows.append(
            [arm.name, str(of), share, *numbers, "" if behind is None else number(abs(behind)), speed]
        )
    return rows


def _behind(found: Comparison, best: Arm, arm: Arm) -> float | None:
    pair = next((p for p in found.pairs if {p.first.name, p.second.name} == {best.name, arm.name}), None)
    return None if pair is None or pair.difference is None else pair.difference.mean


def _notes(found: Comparison) -> list[str]:
    left = [f"without a partner, left out: {pair.left_out}" for pair in found.pairs if pair.left_out]
    open_ = [
        f"{arm.name}: {arm.unfinished} runs have not ended and are left out"
        for arm in found.arms
        if arm.unfinished
    ]
    return [*found.notes, *dict.fromkeys(left), *open_]


def _arm(arm: Arm) -> dict[str, Any]:
    found, (learned, of) = arm.spread(), arm.learned
    return {
        "name": arm.name,
        "ended": of,
        "learned": learned if arm.knows_learned else None,
        "unfinished": arm.unfinished,
        "parameters": arm.parameters,
        "ms_per_step": arm.ms_per_step,
        "mean": found and found.mean,
        "sd": found and found.sd,
        "low": found and found.low,
        "high": found and found.high,
        "runs": [
            {"run": o.run, "seed": m.seed, "fold": m.fold, "value": o.value, "learned": o.learned}
            for m, o in arm.outcomes.items()
        ],
    }


def _pair(pair: Pair) -> dict[str, Any]:
    found, speed = pair.difference, pair.speed
    names = ("paired", "count", "mean", "low", "high", "p", "exact", "positive", "negative", "effect")
    return {
        "first": pair.first.name,
        "second": pair.second.name,
        "difference": None if found is None else {name: _number(getattr(found, name)) for name in names},
        "p_holm": pair.p_holm,
        "learned_p": pair.learned_p,
        "learns_more_often": pair.learns_more_often,
        "claimed": pair.claimed,
        "too_few": pair.too_few,
        "negligible": pair.is_negligible,
        "faster": None if speed is None else {"name": speed[0].name, "times": speed[1]},
    }


def _number(value: Any) -> Any:
    """JSON has no infinity."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _list(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _tex(text: str) -> str:
    for sign in "&%$#_":
        text = text.replace(sign, f"\\{sign}")
    return text
