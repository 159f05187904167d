"""What a study has found, as pictures, each described once and drawn for a browser and for paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from elman.pictures.plot import Plot, Size
from elman.search.pictures.curves import curves
from elman.search.pictures.front import cost, pareto
from elman.search.pictures.history import history
from elman.search.pictures.importance import importance
from elman.search.pictures.k1_k2 import k1_k2
from elman.search.pictures.look import TooFewError
from elman.search.pictures.parallel import parallel
from elman.search.pictures.slices import slices
from elman.search.results.review import Review

__all__ = ["Pictures", "TooFewError", "pictures", "save_pictures"]

PAPER = ("png", "svg", "pdf")


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Those that have something to show, by name, and why the others have not."""

    drawn: dict[str, Plot]
    left_out: dict[str, str]


def pictures(review: Review) -> Pictures:
    """All pictures of a study, the one that answers most first."""
    drawn, left_out = {}, {}
    for make in (k1_k2, pareto, cost, importance, slices, history, parallel, curves):
        try:
            drawn[make.__name__] = make(review)
        except TooFewError as reason:
            left_out[make.__name__] = str(reason)
    return Pictures(drawn=drawn, left_out=left_out)


def save_pictures(
    review: Review,
    folder: Path,
    *,
    forms: Sequence[str] = ("png",),
    size: Size = "slide",
) -> Pictures:
    """Write each as NAME.FORM, and remove those of these forms that are no longer drawn.

    Args:
        forms: png, svg, pdf, or html, which is 5 MB each, since every page has to work without the others.
        size: of what is printed.

    Cost: 0.5 s a picture and form.
    """
    from elman.pictures.on_paper import SHARP, on_paper
    from elman.pictures.page import page_of

    folder.mkdir(parents=True, exist_ok=True)
    found = pictures(review)
    for name in found.left_out:
        for form in forms:
            (folder / f"{name}.{form}").unlink(missing_ok=True)
    for name, plot in found.drawn.items():
        printed = on_paper(plot, size) if set(forms) & set(PAPER) else None
        for form in forms:
            file = folder / f"{name}.{form}"
            if form == "html":
                file.write_text(page_of(name, plot), encoding="utf-8")
            elif printed is not None:
                printed.savefig(file, dpi=printed.dpi if form == "png" else SHARP)
    return found
