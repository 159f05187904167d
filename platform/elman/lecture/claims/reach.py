"""From which lag on a cut gradient no longer teaches."""

from __future__ import annotations

from collections.abc import Sequence

from elman.bptt import BackpropThroughTime
from elman.lecture.claim import Claim, Numbers, hold
from elman.lecture.lab import Lab
from elman.pictures.plot import Line, Panel, Plot, Rule

RECIPE = "lecture/reach"
LEARNED, GUESSED = 0.95, 0.65


class Reach(Claim):
    """Accuracy of networks that repeat a bit after a lag, against the lag, for several k2.

    Args:
        k2s, lags: in steps.
        time_steps: of each network.
    """

    name = "reach"
    question = "How far apart may cause and loss lie for (k1, k2)?"
    setting = (
        "Networks learn to repeat a random bit after a lag, an update every k1 = 4 steps. The credit matrix "
        "says which share of the losses can reach back that far: all of them up to a lag of k2 - k1, none "
        "from k2 on. A guess is right half of the time."
    )

    def __init__(
        self,
        *,
        k2s: Sequence[int] = (4, 8, 12),
        lags: Sequence[int] = (2, 4, 6, 8, 10, 12),
        time_steps: int = 150_000,
    ) -> None:
        self.k2s, self.lags, self.time_steps = k2s, lags, time_steps

    def measure(self, lab: Lab) -> Numbers:
        rows = []
        for k2 in self.k2s:
            for lag in self.lags:
                budget = [f"--trainer.{key}={self.time_steps}" for key in ("max_time_steps", "val_every")]
                trained = lab.trained(RECIPE, f"--model.bptt.k2={k2}", f"--data.lag={lag}", *budget)
                share = reaching(trained.task.bptt, steps=trained.data.steps, lag=lag)
                rows.append({"k2": k2, "lag": lag, "share": share, "accuracy": trained.last("val/accuracy")})
        return {"rows": rows, "time_steps": self.time_steps}

    def sentence(self, found: Numbers) -> str:
        rows = found["rows"]
        inside = [row for row in rows if row["share"] == 1]
        beyond = [row for row in rows if row["share"] == 0]
        hold(bool(inside and beyond), "no lag lies inside or beyond the reach")
        for row in inside + beyond:
            learned = row["share"] == 1
            right = row["accuracy"] > LEARNED if learned else row["accuracy"] < GUESSED
            hold(right, f"k2 = {row['k2']} at a lag of {row['lag']} has an accuracy of {row['accuracy']:.1%}")
        least, most = (pick(row["accuracy"] for row in part) for pick, part in ((min, inside), (max, beyond)))
        return (
            f"Where every loss reaches back over the lag, all {len(inside)} networks are right in "
            f"{least:.1%} of the steps or more; where none does, none of {len(beyond)} is in more than "
            f"{most:.1%}, after {found['time_steps']:,} time steps each."
        )

    def plot(self, found: Numbers) -> Plot:
        marks: list = [Rule(at=0.5, text="a guess", level=True)]
        for colour, k2 in enumerate(dict.fromkeys(row["k2"] for row in found["rows"])):
            rows = [row for row in found["rows"] if row["k2"] == k2]
            lags = [row["lag"] for row in rows]
            accuracy, told = [row["accuracy"] for row in rows], [0.5 + row["share"] / 2 for row in rows]
            marks.append(Line(x=lags, y=accuracy, name=f"k2 = {k2}", colour=colour, marked=True))
            marks.append(Line(x=lags, y=told, name=f"k2 = {k2}, credit matrix", colour=colour, dash=2))
        panel = Panel(x="lag (steps)", y="accuracy (share)", marks=tuple(marks), y_from=0.4, y_to=1.05)
        return Plot(
            title="Accuracy by lag, with k1 = 4",
            caption="Dots: trained networks. Dotted: 0.5 + half the share of losses with credit at that lag.",
            panels=(panel,),
        )


def reaching(bptt: BackpropThroughTime, *, steps: int, lag: int) -> float:
    """The share of the losses from step `lag` on that are charged to the step that much before them."""
    credit = bptt.credit_matrix(steps)
    return float((credit.diagonal(-lag) > 0).double().mean())
