"""Which values of the space decided, as bars, and how much none of them explains."""

from __future__ import annotations

from elman.pictures.plot import Bars, Panel, Plot
from elman.search.pictures.look import GREY, TooFewError
from elman.search.results.format import short
from elman.search.results.importance import importance as importance_of
from elman.search.results.review import Review

HIGH = 0.62  # of a bar, in rows


def importance(review: Review) -> Plot:
    """The share of each value in the variance of the first objective.

    Raises:
        TooFewError: where there are too few trials, or they are too noisy.
    """
    found = importance_of(review)
    if found.silent:
        raise TooFewError(found.silent)
    shares, rest = found.shares, len(found.shares)
    names = [short(share.label, 24) if share.below is None else f"+ {share.label}" for share in shares]
    added = (
        " With a + stands what a value adds to that above." if any(share.below for share in shares) else ""
    )
    bars = Bars(
        x=[-i for i in range(rest)],
        height=[share.share for share in shares],
        low=[share.low for share in shares],
        high=[share.high for share in shares],
        texts=[f"{share.share:.2f}" for share in shares],
        width=HIGH,
        level=True,
    )
    noise = Bars(
        x=[-rest], height=[found.rest], texts=[f"{found.rest:.2f}"], width=HIGH, level=True, colour=GREY
    )
    return Plot(
        title=f"What decided {review.objective}",
        caption=f"The share of its variance that each value explains, over {found.trials} trials (fANOVA of "
        f"a forest, times its R2 on trials left out); whiskers hold 80 % of {found.resamples} resamples, in "
        f"{shares[0].first} of which {shares[0].label} came first.{added}",
        panels=(
            Panel(
                x=f"share of the variance of {review.objective}",
                y="",
                marks=(bars, noise),
                x_from=0,
                x_to=1.12 * max(found.rest, *(share.high for share in shares)),
                y_from=-rest - 0.6,
                y_to=0.6,
                y_ticks=[(-i, name) for i, name in enumerate([*names, "noise and interplay"])],
            ),
        ),
    )
