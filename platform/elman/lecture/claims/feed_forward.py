"""What a network without memory cannot do, and what it costs to show it all steps at once."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from elman.cores import LSTM, FeedForward
from elman.lecture.claim import Claim, Numbers, hold
from elman.lecture.lab import Lab
from elman.pictures.plot import Line, Panel, Plot

RECIPE = "lecture/digits"
STEPWISE, FLAT, RECURRENT = "feed-forward, a row", "feed-forward, all rows at once", "LSTM, row by row"
FAMILY = {
    STEPWISE: ["--model.core=FeedForward"],
    FLAT: ["--model.core=FeedForward", "--data.reading=whole"],
    RECURRENT: [],
}
UNITS, PIXELS, ROWS = 64, 8, 8
LONGEST = 512  # rows


class FeedForwardCosts(Claim):
    """Digits read row by row, by networks with and without memory, and whole.

    Args:
        epochs: of each network.
    """

    name = "feed_forward"
    question = "Why not a feed-forward network?"
    setting = (
        "Photographs of digits, 8 rows of 8 pixels; which digit is it, asked after the last row? All "
        "networks have one layer of 64 units. At right, the weights and biases of networks for longer "
        "pictures."
    )

    def __init__(self, *, epochs: int = 20) -> None:
        self.epochs = epochs

    def measure(self, lab: Lab) -> Numbers:
        curves = {}
        for name, options in FAMILY.items():
            trained = lab.trained(RECIPE, *options, f"--trainer.max_epochs={self.epochs}")
            points, total = trained.curves["val/accuracy"], trained.task.time_steps
            curves[name] = [[self.epochs * point.time_steps / total, point.value] for point in points]
        lengths = [ROWS * 2**n for n in range(7)]
        assert lengths[-1] == LONGEST
        flat = [size(FeedForward(PIXELS * rows, hidden_size=UNITS)) for rows in lengths]
        recurrent = size(LSTM(PIXELS, hidden_size=UNITS))
        more = size(FeedForward(PIXELS * (ROWS + 1), hidden_size=UNITS)) - flat[0]
        return {"curves": curves, "rows": lengths, "flat": flat, "recurrent": recurrent, "one_more": more}

    def sentence(self, found: Numbers) -> str:
        last = {name: curve[-1][1] for name, curve in found["curves"].items()}
        hold(
            last[RECURRENT] > last[STEPWISE] + 0.2,
            f"{RECURRENT} {last[RECURRENT]:.1%}, {STEPWISE} {last[STEPWISE]:.1%}",
        )
        hold(last[FLAT] > last[STEPWISE] + 0.2, f"{FLAT} {last[FLAT]:.1%}, {STEPWISE} {last[STEPWISE]:.1%}")
        hold(found["flat"][-1] > found["recurrent"], "the flattened input never costs more than an LSTM")
        return (
            f"On single rows the feed-forward network is right for {last[STEPWISE]:.1%} of the images, on "
            f"all rows at once for {last[FLAT]:.1%}; the LSTM, which sees a row at a time, for "
            f"{last[RECURRENT]:.1%}. One more row costs the flattened network {found['one_more']:,} "
            f"parameters and a new training, the LSTM none: for {found['rows'][-1]} rows "
            f"{found['flat'][-1]:,} against {found['recurrent']:,}."
        )

    def plot(self, found: Numbers) -> Plot:
        lines = [
            Line(x=_of(curve, 0), y=_of(curve, 1), name=name, colour=number, dash=number)
            for number, (name, curve) in enumerate(found["curves"].items())
        ]
        rows, recurrent = found["rows"], [found["recurrent"]] * len(found["rows"])
        costs = (
            Line(x=rows, y=found["flat"], name=FLAT, colour=1, dash=1, marked=True),
            Line(x=rows, y=recurrent, name=RECURRENT, colour=2, dash=2, marked=True),
        )
        return Plot(
            title="Accuracy, and what longer sequences cost",
            caption="A guess is right for one image in ten.",
            panels=(
                Panel(
                    x="epochs",
                    y="validation accuracy (share)",
                    title="what is learned",
                    marks=tuple(lines),
                    y_from=0,
                    y_to=1.02,
                ),
                Panel(
                    x="rows of 8 pixels",
                    y="parameters of the core",
                    title="what it costs",
                    marks=costs,
                    log_x=True,
                    log_y=True,
                ),
            ),
        )


def size(module: nn.Module) -> int:
    """Numbers that are learned."""
    return sum(parameter.numel() for parameter in module.parameters())


def _of(curve: Sequence[Sequence[float]], column: int) -> list[float]:
    return [point[column] for point in curve]
