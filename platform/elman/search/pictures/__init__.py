"""What a study has found, as pictures: each for the browser and for paper."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from elman.search.pictures.curves import curves
from elman.search.pictures.history import history
from elman.search.pictures.importance import importance
from elman.search.pictures.k1_k2 import k1_k2
from elman.search.pictures.parallel import parallel
from elman.search.pictures.pareto import cost, pareto
from elman.search.pictures.picture import Picture, TooFewError
from elman.search.results.review import Review

__all__ = ["Picture", "Pictures", "pictures", "save_pictures"]


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Those that have something to show, by name, and why the others have not."""

    drawn: dict[str, Picture]
    left_out: dict[str, str]


def pictures(review: Review) -> Pictures:
    """All pictures of a study, the one that answers most first.

    Cost: nothing is drawn before it is asked for; then 0.1 s a figure, and an import.
    """
    drawn, left_out = {}, {}
    for make in (k1_k2, pareto, cost, importance, history, parallel, curves):
        try:
            drawn[make.__name__] = make(review)
        except TooFewError as reason:
            left_out[make.__name__] = str(reason)
    return Pictures(drawn=drawn, left_out=left_out)


def save_pictures(review: Review, folder: Path, *, pages: bool = True) -> Pictures:
    """Write each as NAME.png and NAME.html, and remove those that are no longer drawn.

    Args:
        pages: write the HTML too, which is large.

    Cost: 0.3 s and 5 MB a picture, since each page has to work without the others.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = pictures(review)
    for name in found.left_out:
        for suffix in ("png", "html"):
            (folder / f"{name}.{suffix}").unlink(missing_ok=True)
    for name, picture in found.drawn.items():
        picture.matplotlib.savefig(folder / f"{name}.png")
        if pages:
            (folder / f"{name}.html").write_text(picture.html(), encoding="utf-8")
    return found
