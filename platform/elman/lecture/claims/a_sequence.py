"""What the loss at 'u' of "a_sequence" can teach about 's'."""

from __future__ import annotations

from typing import Any

import torch

from elman.lecture.claim import Claim, Numbers, hold
from elman.lecture.lab import Lab
from elman.pictures.plot import Line, Panel, Plot

LOSS, WANTED = 5, 2  # places of 'u' and of 's', counted from 0
FAMILY = {
    "Full": "reach/full",
    "Truncated(k1=4, k2=7)": "reach/truncated_4_7",
    "Truncated(k1=4, k2=4)": "reach/truncated_4_4",
    "Split(k=4)": "reach/split",
}


class ASequence(Claim):
    """The gradient of one loss by every input before it, as each strategy takes it."""

    name = "a_sequence"
    question = "At 'u', can the network learn that there was an 's'?"
    setting = (
        'A network reads "a_sequenc" and predicts the next character. Shown is the gradient of the loss '
        "at 'u' by each character read so far, as four strategies take it: the network is the same, only "
        "the cuts differ."
    )

    def measure(self, lab: Lab) -> Numbers:
        found = {}
        for name, recipe in FAMILY.items():
            task, data = lab.made(recipe)
            found[name] = loss_by_input(task, data.train_dataloader().batch(0), LOSS)
        return {"norms": found, "text": data.text[: LOSS + 1]}

    def sentence(self, found: Numbers) -> str:
        norms = found["norms"]
        at_s = {name: values[WANTED] for name, values in norms.items()}
        hold(at_s["Split(k=4)"] == 0, f"Split(k=4) has a gradient of {at_s['Split(k=4)']:.2g} at 's'")
        hold(at_s["Truncated(k1=4, k2=4)"] == 0, "Truncated(k1=4, k2=4) has a gradient at 's'")
        share = at_s["Truncated(k1=4, k2=7)"] / at_s["Full"]
        hold(abs(share - 1) < 1e-4, f"Truncated(k1=4, k2=7) has {share:.4f} of Full's gradient at 's'")
        return (
            "In windows of 4 the gradient at 's' is exactly 0, with the carry kept or not; with k2 = 7 it "
            f"is {at_s['Truncated(k1=4, k2=7)']:.3g}, the same as without any cut, for the same updates "
            "every 4 steps."
        )

    def plot(self, found: Numbers) -> Plot:
        places = list(range(1, LOSS + 2))
        lines = [
            Line(x=places, y=values, name=name, colour=number, dash=number, marked=True)
            for number, (name, values) in enumerate(found["norms"].items())
        ]
        letters = ", ".join(
            f"{place} = {letter}" for place, letter in zip(places, found["text"], strict=True)
        )
        panel = Panel(x=f"step read ({letters})", y="norm of dL at 'u' / dx", marks=tuple(lines))
        return Plot(
            title="What the loss at 'u' is charged to",
            caption="Zero: that character can change nothing of what is learned at 'u'.",
            panels=(panel,),
        )


def loss_by_input(task: Any, batch: Any, step: int) -> list[float]:
    """The norms of the gradient of the loss at `step` by the inputs up to it, as the strategy takes it."""
    scored = torch.zeros_like(batch.scored)
    scored[:, step] = True
    embedded = task.network.embed(batch.x).detach().requires_grad_()
    objective = task.objective.reading(lambda x: x)
    state = task.bptt.first_state(task.network.core.initial_carry(len(batch.x)))
    total = torch.zeros_like(embedded)
    for update in task.bptt.losses(objective, batch._replace(x=embedded, scored=scored), state):
        if update.loss is not None:
            total += torch.autograd.grad(update.loss, embedded)[0]
    return total[0, : step + 1].norm(dim=1).tolist()
