"""The readable page of a study in MLflow: the answer first, then what it rests on."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence

from elman.search.results.answer import answer, headline, lead
from elman.search.results.columns import columns
from elman.search.results.cost_view import with_cost
from elman.search.results.format import cost_in_words, counts_in_words, in_words, number, trial_name
from elman.search.results.knee import knee
from elman.search.results.named import named
from elman.search.results.review import Review, TrialRow
from elman.search.space.space import Choices, Dimension
from elman.tracking.note import NOTE_CHARACTERS

BEST_ROWS = 10
SHOWN_BY_MLFLOW = 100  # runs in its charts
ALL = "all trials"
"""The link to pictures of all of them."""
LEFT_OUT = (
    "state",
    "run",
    "why",
    "cost/seconds",
    "cost/cpu_seconds",
    "cost/ms_per_step",
    "cost/peak_memory_mib",
)
"""Columns for which a page has no room, unless they are an objective or have a limit."""


def note(review: Review, *, links: Mapping[str, str], limit: int = NOTE_CHARACTERS) -> str:
    """Markdown of at most `limit` characters; what is cut comes from the end.

    Args:
        links: pages to open, by the text to click on.
    """
    asked, *more = review.question.strip().split("\n\n")
    paragraphs = answer(review).split("\n\n")
    bold = lead(paragraphs)
    if bold is not None:  # it is in the first line
        del paragraphs[bold]
    # MLflow shows the first few lines and hides the rest behind "Show more".
    head = [f"**{' '.join(headline(review))}**{_knee(review)}"]
    head += [f"### {_cut(_line(asked), 400)}"] if asked else []
    head += [_links(links), _few(review, links)]
    head += paragraphs
    head = [part for part in head if part]
    tail = [_cut(_line(part), 400) for part in more[:2]] + [_space(review), _set_up(review), _use(review)]
    for rows in (BEST_ROWS, 5, 3, 1):
        text = "\n\n".join([*head, *_table(review, rows), *tail])
        if len(text) <= limit:
            return text
    return text[: limit - 2].rstrip() + "\n…"


def experiment_note(review: Review, *, links: Mapping[str, str]) -> str:
    """The head of the experiment's page, of which MLflow shows one line until it is opened.

    So that line is short: what is named, its cost, the knee, and where all trials can be seen.
    """
    parts = [_short(review, links), " ".join(headline(review)), _links(links), _few(review, links)]
    parts += [_cut(review.question.strip(), 1000), answer(review)]
    return "\n\n".join(filter(None, parts))


def _short(review: Review, links: Mapping[str, str]) -> str:
    """`**val/accuracy 0.97: #12 k1=6 k2=12 L2, 2.0 core steps** · knee 0.96: #3 k1=6 k2=6 L1`"""
    found = named(review)
    if found is None:
        return f"**{' '.join(headline(review))}**"
    value = found.trial.measured(review.objective) if found.value is None else found.value
    how = "" if found.how == "observed" else f", {found.how}"
    parts = [f"**{review.objective} {_placed(found.trial, value)}{how}**"]
    bend = _bend(review)
    if bend is not None:
        parts.append(f"knee {_placed(bend, bend.measured(review.objective))}")
    if len(review.trials) > SHOWN_BY_MLFLOW:
        everything = f"all {len(review.trials):,} trials"
        parts.append(f"[{everything}]({links[ALL]})" if ALL in links else everything)
        parts[-1] += f", {SHOWN_BY_MLFLOW} here"
    return " · ".join(parts)


def _placed(trial: TrialRow, value: float) -> str:
    """`0.97: #12 k1=6 k2=12 L2, 2.0 core steps, 41 s`"""
    price = cost_in_words(trial).removeprefix("at ").replace(" a time step", "").replace(" and ", ", ")
    return f"{number(value)}: {trial_name(trial.number, trial.values)}{f', {price}' if price else ''}"


def _bend(review: Review) -> TrialRow | None:
    """The knee of value against cost, unless that is the trial that is named."""
    priced = review if len(review.objectives) > 1 else with_cost(review)
    bend, found = knee(priced) if priced else None, named(review)
    if bend is None or found is None or bend.number == found.trial.number:
        return None
    return bend


def _knee(review: Review) -> str:
    """The knee as a sentence; of a front the headline has it."""
    bend = _bend(review)
    if bend is None or len(review.objectives) > 1:
        return ""
    value = f"{review.objective} {number(bend.measured(review.objective))}"
    where, price = in_words(review, bend.values), cost_in_words(bend)
    return f" At the knee of value against cost: trial {bend.number}, {value} with {where}, {price}."


def _few(review: Review, links: Mapping[str, str]) -> str:
    """What MLflow leaves out of its charts, and where it can be seen."""
    if len(review.trials) <= SHOWN_BY_MLFLOW:
        return ""
    where = f"[the report]({links[ALL]})" if ALL in links else "`elman report`"
    return (
        f"MLflow draws at most {SHOWN_BY_MLFLOW} of the {len(review.trials):,} trials in its charts; "
        f"{where} draws all of them."
    )


def space_in_words(dimension: Dimension) -> str:
    """`5 to 80, whole, log` or `LSTM, GRU`; of a multiple also what it is a multiple of."""
    kind = dimension.values
    if isinstance(kind, Choices):
        text = ", ".join(str(choice) for choice in kind.values)
    else:
        text = f"{kind.low:.6g} to {kind.high:.6g}"
        text += ", whole" if kind.integer else ""
        text += ", log" if kind.log else ""
        text += f", in steps of {kind.step:g}" if kind.step is not None and kind.step != 1 else ""
    return f"{text}, times {dimension.multiple_of}" if dimension.multiple_of else text


def set_up(review: Review) -> dict[str, str]:
    """How it was searched, by what that is called."""
    found = {
        "objectives": ", ".join(f"{way} {name}" for name, way in review.objectives.items()),
        "limits": ", ".join(f"{name} <= {limit:g}" for name, limit in review.constraints.items()),
        "trials": counts_in_words(review),
        "budget": review.budget,
        "sampler": review.sampler,
        "pruner": review.pruner,
        "time": f"{review.hours:.2g} h" if review.hours else "",
    }
    return {name: text for name, text in found.items() if text}


def commands(review: Review) -> dict[str, str]:
    """What to type next, by what it does."""
    found = {"go on": review.command}
    if review.best() is not None:
        found["see the best run"] = f"elman best {shlex.quote(review.experiment)}"
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

    def cells(trial: TrialRow) -> list[str]:
        first, *others = ("" if (v := c.of(trial)) is None else _cell(c.written(v)) for c in kept)
        return [f"**{first}**" if trial.number in front else first, *others]

    return [f"**{title}**\n\n{_table_of([_cell(c.name) for c in kept], map(cells, rows))}"]


def _space(review: Review) -> str:
    rows = ([_cell(d.label), _cell(space_in_words(d)), f"`{_cell(d.target)}`"] for d in review.dimensions)
    return _table_of(["space", "values", "in the recipe"], rows)


def _set_up(review: Review) -> str:
    return _table_of(["set-up", ""], ([name, _cell(text)] for name, text in set_up(review).items()))


def _use(review: Review) -> str:
    lines = [f"{command}  # {what}" for what, command in commands(review).items()]
    files = "`best.yaml` is an artifact of this run"
    files += ", one file for each point of the front in `pareto`." if len(review.objectives) > 1 else "."
    return "```\n" + "\n".join(lines) + "\n```" + (f"\n\n{files}" if review.best() else "")


def _links(links: Mapping[str, str]) -> str:
    return " · ".join(f"[{_line(text)}]({url})" for text, url in links.items())


def _line(text: str) -> str:
    return " ".join(text.split())


def _table_of(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join([_row(head), f"|{'|'.join(' --- ' for _ in head)}|", *map(_row, rows)])


def _row(cells: Sequence[str]) -> str:
    """MLflow draws tables without space between their columns."""
    return f"| {'&nbsp;&nbsp; | '.join(cells)} |"


def _cell(text: str) -> str:
    return _cut(_line(text).replace("|", "\\|"), 200)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
