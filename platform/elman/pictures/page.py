"""Pages of one HTML file that open from a folder and ask the network for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

from elman.pictures.plot import Plot

if TYPE_CHECKING:
    import plotly.graph_objects as go

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:"
)
"""What the page may do: nothing with the network, whatever is written in it."""


def page(title: str, parts: Sequence[str]) -> str:
    """A page with plotly.js in it, 5 MB, in light or dark as its reader's system is.

    Args:
        parts: HTML.
    """
    from plotly.offline import get_plotlyjs

    here = files("elman.pictures")
    scripts = [get_plotlyjs(), (here / "page.js").read_text(encoding="utf-8")]
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            '<link rel="icon" href="data:,">',
            f"<title>{escape(title)}</title>",
            f"<style>\n{(here / 'page.css').read_text(encoding='utf-8')}</style>\n</head>\n<body>\n<main>",
            *parts,
            "</main>",
            *(f"<script>{script}</script>" for script in scripts),
            "</body>\n</html>\n",
        ]
    )


def page_of(name: str, plot: Plot) -> str:
    """A page with one picture."""
    return page(plot.title, [card_of(name, plot)])


def card_of(name: str, plot: Plot) -> str:
    """A picture to point at, as high and as wide as it needs."""
    from elman.pictures.on_screen import height, on_screen

    wide = plot.wide or len(plot.panels) > 2
    return card(name, plot.title, plot.caption, on_screen(plot), height=height(plot), wide=wide)


def card(
    name: str, title: str, caption: str, figure: go.Figure, *, height: int = 430, wide: bool = False
) -> str:
    """A picture whose data lies beside it as JSON, for the page's script to draw.

    Args:
        height: in pixels.
        wide: over all columns of the page.
    """
    # In JSON a "<" can only stand in text, where \u003c is the same; so no text can end the script.
    data = figure.to_json().replace("<", "\\u003c")
    return (
        f'<figure id="{escape(name)}"{" class=wide" if wide else ""}><h3>{escape(title)}</h3>'
        f'<div class="plot" style="height:{height}px" role="img" aria-label="{escape(title)}"></div>'
        f'<script type="application/json">{data}</script>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )
