"""The readable page of a study in MLflow: the answer first, then what it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from elman.search.results.answer import answer, headline, lead
from elman.search.results.columns import columns
from elman.search.results.review import Review, TrialRow
from elman.search.space.space import Choices, Dimension
from elman.tracking.note import NOTE_CHARACTERS

BEST_ROWS = 10
LEFT_OUT = ("state", "run", "why", "cost/seconds", "cost/ms_per_step", "cost/peak_memory_mib")
"""Columns for which a page has no room, unless they are an objective or have a limit."""


def note(review: Review, *, links: Mapping[str, str], limit: int = NOTE_CHARACTERS) -> str:
    """Markdown of at most `limit` characters; what is cut comes from the end.

    Args:
        links: pages to open, by the text to click on.
    """
    asked, *more = review.question.strip().split("\n\n")
    head = [f"### {_cut(_line(asked), 400)}"] if asked else []
    said, bold = answer(review).split("\n\n"), lead(answer(review).split("\n\n"))
    # MLflow shows the first few lines and hides the rest behind "Show more".
    head.append(f"**{' '.join(headline(review)) if bold is None else said.pop(bold)}**")
    if links:
        head.append(_links(links))
    head += said
    tail = [_cut(_line(part), 400) for part in more[:2]] + [_space(review), _set_up(review), _use(review)]
    for rows in (BEST_ROWS, 5, 3, 1):
        text = "\n\n".join([*head, *_table(review, rows), *tail])
        if len(text) <= limit:
            return text
    return text[: limit - 2].rstrip() + "\n…"


def experiment_note(review: Review, *, links: Mapping[str, str]) -> str:
    """The head of the experiment's page, of which MLflow shows one line until it is opened."""
    first, *more = headline(review)
    parts = [f"**{first}**", *more, _links(links), _cut(review.question.strip(), 1000), answer(review)]
    return "\n\n".join(filter(None, parts))


def space_in_words(dimension: Dimension) -> str:
    """`5 to 80, whole, log` or `LSTM, GRU`; of a multiple also what it is a multiple of."""
    kind = dimension.values
    if isinstance(kind, Choices):
        said = ", ".join(str(choice) for choice in kind.values)
    else:
        said = f"{kind.low:.6g} to {kind.high:.6g}"
        said += ", whole" if kind.integer else ""
        said += ", log" if kind.log else ""
        said += f", in steps of {kind.step:g}" if kind.step is not None and kind.step != 1 else ""
    return f"{said}, times {dimension.multiple_of}" if dimension.multiple_of else said


def set_up(review: Review) -> dict[str, str]:
    """How it was searched, by what that is called."""
    states = ", ".join(f"{count} {state}" for state, count in review.counts().items() if count)
    found = {
        "objectives": ", ".join(f"{way} {name}" for name, way in review.objectives.items()),
        "limits": ", ".join(f"{name} <= {limit:g}" for name, limit in review.constraints.items()),
        "trials": states,
        "budget": review.budget,
        "sampler": review.sampler,
        "pruner": review.pruner,
        "time": f"{review.hours:.2g} h" if review.hours else "",
    }
    return {name: said for name, said in found.items() if said}


def commands(review: Review) -> dict[str, str]:
    """What to type next, by what it does."""
    found = {"go on": review.command}
    if review.best() is not None:
        found["see the best run"] = f"elman best {_word(review.experiment)}"
        found["run the winner again"] = "elman fit best.yaml"
        if len(review.objectives) > 1 and (front := review.pareto()):
            found["run a point of the front"] = f"elman fit pareto/trial_{front[-1].number}.yaml"
    return found


def _table(review: Review, count: int) -> list[str]:
    """The best of the complete trials within all limits, best first; the front before all others."""
    front = {t.number for t in review.pareto()} if len(review.objectives) > 1 else set()
    rows = sorted(review.ranked(), key=lambda t: t.number not in front)[:count]
    if not rows:
        return []
    asked = {*review.objectives, *review.constraints}
    kept = [
        c
        for c in columns(review)
        if (c.name not in LEFT_OUT or c.name in asked) and any(c.of(t) is not None for t in rows)
    ]
    title = f"The {len(rows)} best trials" if len(rows) > 1 else "The best trial"
    if front:
        title = f"The best trials, those of the front (bold) first, by {review.objective}"
    head = [_row([_cell(c.name) for c in kept]), f"|{'|'.join(' --- ' for _ in kept)}|"]

    def row(trial: TrialRow) -> str:
        cells = ["" if (v := c.of(trial)) is None else _cell(c.written(v)) for c in kept]
        cells[0] = f"**{cells[0]}**" if trial.number in front else cells[0]
        return _row(cells)

    return ["\n".join([f"**{title}**", "", *head, *map(row, rows)])]


def _space(review: Review) -> str:
    lines = [_row(["space", "values", "in the recipe"]), "| --- | --- | --- |"]
    for d in review.dimensions:
        lines.append(_row([_cell(d.label), _cell(space_in_words(d)), f"`{_cell(d.target)}`"]))
    return "\n".join(lines)


def _set_up(review: Review) -> str:
    rows = [_row([name, _cell(said)]) for name, said in set_up(review).items()]
    return "\n".join([_row(["set-up", ""]), "| --- | --- |", *rows])


def _use(review: Review) -> str:
    lines = [f"{command}  # {what}" for what, command in commands(review).items()]
    files = "`best.yaml` is an artifact of this run"
    files += ", one file for each point of the front in `pareto`." if len(review.objectives) > 1 else "."
    return "```\n" + "\n".join(lines) + "\n```" + (f"\n\n{files}" if review.best() else "")


def _links(links: Mapping[str, str]) -> str:
    return " · ".join(f"[{_line(text)}]({url})" for text, url in links.items())


def _word(text: str) -> str:
    """As a shell takes it."""
    import shlex

    return shlex.quote(text)


def _line(text: str) -> str:
    return " ".join(text.split())


def _row(cells: Sequence[str]) -> str:
    """MLflow draws tables without room between their columns."""
    return f"| {'&nbsp;&nbsp; | '.join(cells)} |"


def _cell(text: str) -> str:
    return _cut(_line(text).replace("|", "\\|"), 200)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
