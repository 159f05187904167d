"""Updates, data and seconds to a given loss: exact gradients against cut ones."""

from __future__ import annotations

from collections.abc import Sequence

from elman.lecture.claim import Claim, Numbers, hold
from elman.lecture.lab import Lab, Point
from elman.pictures.plot import Line, Panel, Plot, Rule

RECIPE = "lecture/updates"
FULL, CUT = "Full", "Truncated(k1=10, k2=20)"
METRIC = "val/bits_per_step"
WANTED = 0.1  # bits; a guess costs 1


class UpdatesToLoss(Claim):
    """How soon an echo is learned with one update a sequence, and with one every 10 steps.

    Args:
        full, cut: time steps of the two runs.
        validations: of each.
        options: of both.
    """

    name = "updates"
    question = "Exact gradients or many updates: which reaches a loss first?"
    setting = (
        "Two GRUs learn to repeat a bit of 6 steps back in sequences of 400 steps, until a bit costs "
        f"{WANTED}. One takes the exact gradient of a whole batch for each update, the other makes an update "
        "every 10 steps, whose gradient looks back over 20."
    )

    def __init__(
        self,
        *,
        full: int = 2_560_000,
        cut: int = 256_000,
        validations: int = 20,
        options: Sequence[str] = (),
    ) -> None:
        self.budgets, self.validations, self.options = {FULL: full, CUT: cut}, validations, options

    def measure(self, lab: Lab) -> Numbers:
        found = {}
        family = {FULL: [], CUT: ["--model.bptt=Truncated", "--model.bptt.k1=10", "--model.bptt.k2=20"]}
        for name, options in family.items():
            steps = self.budgets[name]
            every = (f"--trainer.max_time_steps={steps}", f"--trainer.val_every={steps // self.validations}")
            points = lab.trained(RECIPE, *options, *every, *self.options).curves[METRIC]
            found[name] = {
                "curve": [{**point._asdict()} for point in points],
                "first": (first := reached(points)) and first._asdict(),
            }
        return found

    def sentence(self, found: Numbers) -> str:
        for name in (FULL, CUT):
            last = found[name]["curve"][-1]
            hold(found[name]["first"] is not None, f"{name} ends at {last['value']:.3f} bits a step")
        full, cut = found[FULL]["first"], found[CUT]["first"]
        hold(
            full["updates"] < cut["updates"], f"Full takes {full['updates']} updates, {CUT} {cut['updates']}"
        )
        data = full["time_steps"] / cut["time_steps"]
        hold(data > 2, f"{CUT} takes 1/{data:.1f} of Full's time steps")
        faster = "faster" if cut["seconds"] < full["seconds"] else "slower"
        return (
            f"To {WANTED} bits, Full takes {full['updates']:,} updates, {CUT} {cut['updates']:,}: an exact "
            f"gradient is worth more. But it comes once in 400 steps: {full['time_steps']:,} time steps "
            f"against {cut['time_steps']:,}, and {full['seconds']:.1f} s against {cut['seconds']:.1f} s, so "
            f"that cutting is {faster}."
        )

    def plot(self, found: Numbers) -> Plot:
        panels = []
        for key, title, log in (("updates", "updates", False), ("seconds", "seconds of training", False)):
            marks: list = [Rule(at=WANTED, text=f"{WANTED} bits", level=True)]
            for number, name in enumerate((FULL, CUT)):
                curve = found[name]["curve"]
                x, y = [point[key] for point in curve], [point["value"] for point in curve]
                marks.append(Line(x=x, y=y, name=name, colour=number, dash=number, marked=True))
            y_name = "validation (bits per step)"
            panels.append(Panel(x=title, y=y_name, title=f"by {title}", marks=tuple(marks), log_x=log))
        return Plot(
            title="The same task by updates and by seconds",
            caption="Validation apart from the clock. Both begin at 1 bit, a guess.",
            panels=tuple(panels),
        )


def reached(points: Sequence[Point]) -> Point | None:
    """The first point at the wanted loss; None: there is none."""
    return next((point for point in points if point.value <= WANTED), None)
