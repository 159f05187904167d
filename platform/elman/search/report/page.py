"""The page as a whole."""

from __future__ import annotations

from html import escape

from elman.pictures.page import card_of, page
from elman.search.pictures import Pictures, pictures
from elman.search.report.note import commands, set_up, space_in_words
from elman.search.report.parts import failures, paragraphs, table, tiles, trials_table
from elman.search.results.answer import answer, headline, lead
from elman.search.results.review import Review


def report(review: Review) -> str:
    """One HTML page with plotly.js in it, 5 MB, that opens from a file and asks the network for nothing."""
    drawn = pictures(review)
    parts = [
        _head(review),
        f'<section class="answer" aria-label="Answer">{tiles(review)}{_answer(review)}</section>',
        _pictures(drawn),
        f'<section><h2>All {len(review.trials)} trials</h2><p class="quiet">A click on a head sorts.</p>'
        f"{trials_table(review)}</section>"
        if review.trials
        else "",
        failures(review),
        '<div class="pair">',
        "<section><h2>Space</h2>",
        table(
            ["", "values", "in the recipe"],
            [[d.label, space_in_words(d), d.target] for d in review.dimensions],
        ),
        "</section><section><h2>Set-up</h2>",
        table([], [list(row) for row in set_up(review).items()]),
        "</section></div>",
        _commands(review),
    ]
    return page(f"{review.name}: report", parts)


def _head(review: Review) -> str:
    counts = [(state, count) for state, count in review.counts().items() if count]
    chips = "".join(f'<span class="chip {state}">{count} {state}</span>' for state, count in counts)
    question = "".join(
        f'<p class="question">{escape(line)}</p>' for line in review.question.split("\n\n") if line
    )
    return (
        f'<header><p class="quiet">Study in experiment {escape(review.experiment)}</p>'
        f"<h1>{escape(review.name)}</h1>{question}<p>{chips}</p></header>"
    )


def _answer(review: Review) -> str:
    """What is named, and of a front its knee, before all else that the answer says."""
    blocks = answer(review).split("\n\n")
    if (place := lead(blocks)) is not None:  # the sentence itself
        del blocks[place]
    first = f'<p class="lead">{escape(" ".join(headline(review)))}</p>'
    return first + (paragraphs("\n\n".join(blocks)) if blocks else "")


def _pictures(found: Pictures) -> str:
    """Each as a figure whose data lies beside it as JSON, for the page's script to draw."""
    cards = [card_of(name, plot) for name, plot in found.drawn.items()]
    reasons = "; ".join(f"{name}: {why}" for name, why in found.left_out.items())
    left = f'<p class="quiet">Not drawn: {escape(reasons)}.</p>' if reasons else ""
    hint = "Point at a trial to see what it is; drag to zoom, double-click to see all again."
    hung = f'<p class="quiet">{hint}</p><div class="pictures">{"".join(cards)}</div>' if cards else ""
    return f"<section><h2>Pictures</h2>{hung}{left}</section>"


def _commands(review: Review) -> str:
    lines = "\n".join(
        f'<span class="quiet"># {escape(what)}</span>\n{escape(command)}'
        for what, command in commands(review).items()
    )
    return f"<section><h2>Commands</h2><pre>{lines}</pre></section>"
