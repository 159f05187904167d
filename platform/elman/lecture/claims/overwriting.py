"""Memory is overwritten: what is read of a bit when others follow, and when nothing does."""

from __future__ import annotations

from collections.abc import Sequence

from elman.diagnostics.meters.overwriting import Overwriting
from elman.lecture.claim import Claim, Numbers, hold
from elman.lecture.lab import Lab
from elman.pictures.plot import Line, Panel, Plot, Rule

RECIPE = "lecture/overwriting"
LAG = 6  # of the recipe
FAMILY = {"Elman, tanh": [], "LSTM, forget bias 3": ["--model.core=LSTM", "--model.core.forget_bias=3"]}
HELD = 0.5


class Overwritten(Claim):
    """A bit read from the carry of trained networks, by the steps since it was read.

    Args:
        time_steps: of training.
        lags: longest.
        rows: sequences that probes learn from.
    """

    name = "overwriting"
    question = "Is an item lost with time, or because others are written over it?"
    setting = (
        f"Networks that have learned to repeat a bit of {LAG} steps back; a linear probe reads each bit from "
        "the state some steps later. Either other bits follow, as in the data, or the network reads zeros, "
        "which no bit gives. 1: the bit is there in full; 0: the probe does no better than a guess."
    )

    def __init__(self, *, time_steps: int = 400_000, lags: int = 24, rows: int = 64) -> None:
        self.time_steps, self.lags, self.rows = time_steps, lags, rows

    def measure(self, lab: Lab) -> Numbers:
        found = {}
        budget = [f"--trainer.{key}={self.time_steps}" for key in ("max_time_steps", "val_every")]
        for name, options in FAMILY.items():
            trained = lab.trained(RECIPE, *options, *budget)
            meter = Overwriting(steps=60, lags=self.lags, writes=20, rows=self.rows)
            facts = meter.reading(trained.task, trained.data).facts
            read = {key: list(facts[key]) for key in ("lags", "items", "blank")}
            found[name] = {"accuracy": trained.last("val/accuracy"), **read}
        return found

    def sentence(self, found: Numbers) -> str:
        said = []
        for name, one in found.items():
            hold(one["accuracy"] > 0.95, f"{name} has learned its task to {one['accuracy']:.1%}")
            held = [kept(one["lags"], one[key]) for key in ("items", "blank")]
            hold(held[0] >= LAG, f"{name} holds half of a bit over {held[0]} steps, and uses it after {LAG}")
            hold(
                held[1] > held[0], f"{name} holds half of a bit over {held[0]} steps, over {held[1]} in peace"
            )
            said.append(
                f"{name}: {one['items'][-1]:.2f} while others follow, {one['blank'][-1]:.2f} while nothing "
                f"does, and half of it is there for {held[0]} steps against {held[1]}"
            )
        last = next(iter(found.values()))["lags"][-1]
        return (
            f"After {last} steps this much of a bit is left: {'; '.join(said)}. Items do not fade by "
            "themselves here: they make room for others."
        )

    def plot(self, found: Numbers) -> Plot:
        marks: list = [Rule(at=LAG, text="needed")]
        for colour, (name, one) in enumerate(found.items()):
            marks.append(Line(x=one["lags"], y=one["items"], name=f"{name}, others follow", colour=colour))
            marks.append(
                Line(x=one["lags"], y=one["blank"], name=f"{name}, nothing follows", colour=colour, dash=1)
            )
        y = "bit read by a probe (1: in full)"
        panel = Panel(x="steps since it was read", y=y, marks=tuple(marks), y_from=-0.05, y_to=1.05)
        return Plot(
            title="What is left of a bit",
            caption=f"Needed: the task asks for it {LAG} steps later, and no longer.",
            panels=(panel,),
        )


def kept(lags: Sequence[int], scores: Sequence[float]) -> int:
    """The longest lag with half of a bit or more; -1: none."""
    return max((lag for lag, score in zip(lags, scores, strict=True) if score > HELD), default=-1)
