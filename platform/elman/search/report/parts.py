"""Pieces of the page, each a text of HTML in which all given text is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from elman.search.results.columns import Column, columns
from elman.search.results.format import brief, labels, number, seconds_in_words, short
from elman.search.results.knee import knee
from elman.search.results.named import named
from elman.search.results.named_words import HOW
from elman.search.results.review import Review, TrialRow

MOST_TILES = 10
CHARACTERS_OF_A_CELL = 40


def tiles(review: Review) -> str:
    """The trial that is named in large numbers: what it reached, with which values, at which cost."""
    answer = named(review)
    if answer is None:
        return ""
    best = answer.trial
    found = [(name, number(value)) for name, value in best.objectives.items() if name in review.objectives]
    found += [
        (label, short(brief(best.values[label])))
        for label in labels(review, multiples=False)
        if label in best.values
    ]
    core_steps = best.metric("cost/core_steps_per_step")
    if core_steps is not None and "cost/core_steps_per_step" not in review.objectives:
        found.append(("core steps a time step", f"{core_steps:.1f}"))
    if best.seconds is not None:
        found.append(("time", seconds_in_words(best.seconds)))
    cells = "".join(f"<div><dt>{escape(n)}</dt><dd>{escape(v)}</dd></div>" for n, v in found[:MOST_TILES])
    role = f"Trial {best.number}, {HOW[answer.how]}"
    return f'<h2>{escape(role)}</h2><dl class="tiles">{cells}</dl>'


def paragraphs(text: str) -> str:
    """Paragraphs and lists of plain text."""
    found = []
    for block in text.split("\n\n"):
        lines = block.split("\n")
        plain = [escape(line) for line in lines if not line.startswith("- ")]
        items = [f"<li>{escape(line.removeprefix('- '))}</li>" for line in lines if line.startswith("- ")]
        found.append(f"<p>{'<br>'.join(plain)}</p>" if plain else "")
        found.append(f"<ul>{''.join(items)}</ul>" if items else "")
    return "".join(found)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A small table; the first cell of a row names it."""
    top = (
        f"<thead><tr>{''.join(f'<th scope=col>{escape(h)}</th>' for h in head)}</tr></thead>" if head else ""
    )
    body = "".join(
        f"<tr><th scope=row>{escape(name)}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
        for name, *cells in rows
    )
    return f'<div class="scroll"><table>{top}<tbody>{body}</tbody></table></div>'


def trials_table(review: Review) -> str:
    """Every trial, sortable; the one that is named, the best one and the front are marked."""
    kept = [column for column in columns(review) if column.name != "why"]
    head = "".join(
        f'<th scope=col class="{"number" if c.numeric else "word"}">'
        f"<button type=button>{escape(c.name)}</button></th>"
        for c in kept
    )
    best, bend, answer = review.best(), knee(review), named(review)
    front = {trial.number for trial in review.pareto()} if len(review.objectives) > 1 else set()
    rows = []
    for trial in review.trials:
        roles = [role for role, on in (("best", trial is best), ("front", trial.number in front)) if on]
        if bend is not None and trial.number == bend.number:
            roles.append("knee")
        if answer is not None and answer.how != "observed" and trial.number == answer.trial.number:
            roles.append("named")
        rows.append(
            f'<tr class="{" ".join(roles)}">{"".join(_cell(column, trial, roles) for column in kept)}</tr>'
        )
    return (
        f'<div class="scroll"><table class="sortable"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def failures(review: Review) -> str:
    """Trials that failed and why; nothing where none did."""
    failed = [trial for trial in review.trials if trial.state == "failed"]
    if not failed:
        return ""
    items = "".join(
        f"<li><b>Trial {trial.number}</b>: {escape(trial.why or 'no reason is known')}</li>"
        for trial in failed
    )
    return f"<section><h2>Failed</h2><ul>{items}</ul></section>"


def _cell(column: Column, trial: TrialRow, roles: Sequence[str]) -> str:
    value = column.of(trial)
    if value is None:
        return '<td class="none">–</td>'
    text = escape(column.written(value))
    if column.name == "state":
        text = f'<span class="chip {trial.state}">{text}</span>'
    if column.name == "trial":
        text += "".join(f" <small>{role}</small>" for role in roles)
    if column.name == "run":
        return f'<td title="{text}"><code>{escape(str(value)[:8])}</code></td>'
    if column.numeric:
        return f'<td class="number" data-value="{float(value)!r}">{text}</td>'
    if len(str(value)) > CHARACTERS_OF_A_CELL:
        return f'<td title="{text}">{escape(short(column.written(value), CHARACTERS_OF_A_CELL))}</td>'
    return f"<td>{text}</td>"
