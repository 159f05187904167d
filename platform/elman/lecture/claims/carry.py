"""The carry kept from window to window, against thrown away."""

from __future__ import annotations

from elman.lecture.claim import Claim, Numbers, hold
from elman.lecture.lab import Lab
from elman.pictures.plot import Line, Panel, Plot

RECIPE = "lecture/carry"
KEPT, LOST = "carry kept: Truncated(k1=10, k2=10)", "carry thrown away: Split(k=10)"
FAMILY = {KEPT: [], LOST: ["--model.bptt=Split", "--model.bptt.k=10"]}
METRIC = {KEPT: "val/bits_per_step", LOST: "val_reset_10/bits_per_step"}


class CarryKept(Claim):
    """A character model whose gradients are cut every 10 steps, with and without its carry.

    Args:
        time_steps: of each network.
        options: of both.
    """

    name = "carry"
    question = "The gradient is cut every 10 steps: is the carry worth keeping all the same?"
    setting = (
        "Two character models of Python's own library, alike in data, windows, updates and first values. "
        "One begins every window of 10 characters with the carry of the last one, the other with zeros, in "
        "training and in validation. No gradient crosses a window in either."
    )

    def __init__(self, *, time_steps: int = 500_000, options: tuple[str, ...] = ()) -> None:
        self.time_steps, self.options = time_steps, options

    def measure(self, lab: Lab) -> Numbers:
        curves, last = {}, {}
        for name, options in FAMILY.items():
            every = (
                f"--trainer.max_time_steps={self.time_steps}",
                f"--trainer.val_every={self.time_steps // 4}",
            )
            trained = lab.trained(RECIPE, *options, *every, *self.options)
            curves[name] = [[point.time_steps, point.value] for point in trained.curves[METRIC[name]]]
            last[name] = {kind: trained.last(f"{kind}/bits_per_step") for kind in ("val", "val_reset_10")}
        return {"curves": curves, "last": last}

    def sentence(self, found: Numbers) -> str:
        kept, lost = found["last"][KEPT]["val"], found["last"][LOST]["val_reset_10"]
        hold(kept < lost - 0.03, f"with the carry kept {kept:.3f} bits per character, without it {lost:.3f}")
        without = found["last"][KEPT]["val_reset_10"]
        hold(without > lost, f"trained with the carry, {without:.3f} bits without it, against {lost:.3f}")
        return (
            f"With the carry kept the text costs {kept:.3f} bits per character, with it thrown away "
            f"{lost:.3f}: what no gradient has crossed is used all the same. It is relied on, too: taken "
            f"from the network that learned with it, it leaves {without:.3f}."
        )

    def plot(self, found: Numbers) -> Plot:
        lines = [
            Line(
                x=[point[0] for point in curve],
                y=[point[1] for point in curve],
                name=name,
                colour=number,
                dash=number,
                marked=True,
            )
            for number, (name, curve) in enumerate(found["curves"].items())
        ]
        panel = Panel(x="time steps seen", y="validation (bits per character)", marks=tuple(lines))
        return Plot(
            title="The same windows, with the carry and without",
            caption="Validated as trained: the carry kept, or begun anew every 10 characters.",
            panels=(panel,),
        )
