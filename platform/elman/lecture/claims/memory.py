"""Unrolling costs memory: bytes and seconds against the length of the sequence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

from elman.lecture.alive import Alive
from elman.lecture.claim import Claim, Numbers, hold
from elman.lecture.lab import Lab
from elman.pictures.plot import Line, Panel, Plot

RECIPE = "lecture/memory"
FULL, CHECKPOINTED, ONLINE = "Full", "Checkpointed", "SnAp1(k1=200)"
FAMILY: dict[str, list[str]] = {
    FULL: ["--model.bptt=Full"],
    CHECKPOINTED: ["--model.bptt=Checkpointed"],
    "Truncated(k1=200, k2=400)": ["--model.bptt=Truncated", "--model.bptt.k1=200", "--model.bptt.k2=400"],
    "Split(k=200)": ["--model.bptt=Split", "--model.bptt.k=200"],
    ONLINE: ["--model.bptt=SnAp1", "--model.bptt.k1=200"],
}
LENGTHS: Mapping[str, Sequence[int]] = {
    name: (1_000, 10_000) if name == FULL else (1_000, 10_000, 100_000) for name in FAMILY
}
MIB = 2**20


class Memory(Claim):
    """One pass of forward and backward, its largest sum of living tensors and its time.

    Args:
        lengths: of sequences, by strategy.
    """

    name = "memory"
    question = "What does unrolling cost, and who need not pay it?"
    setting = (
        "One network of 32 units reads 4 sequences of T random bits, a loss at every step; counted are the "
        "bytes of all tensors that live at once in the pass forward and back, the data itself left out, and "
        "the seconds of the same pass uncounted."
    )

    def __init__(self, *, lengths: Mapping[str, Sequence[int]] = LENGTHS) -> None:
        self.lengths = lengths

    def measure(self, lab: Lab) -> Numbers:
        found: dict[str, list[dict[str, float]]] = {}
        for name, lengths in self.lengths.items():
            for steps in lengths:
                task, data = lab.made(RECIPE, *FAMILY[name], f"--data.steps={steps}")
                batch = task.network.preprocess(data.train_dataloader().batch(0))
                if steps == lengths[0]:
                    gradient(task, batch)  # what is made once, kernels among it
                began = perf_counter()
                gradient(task, batch)
                seconds = perf_counter() - began
                with Alive(apart=batch) as alive:
                    gradient(task, batch)
                lab.say(f"{name}, {steps:,} steps: {alive.most / MIB:.2f} MiB, {seconds:.2f} s")
                found.setdefault(name, []).append({"steps": steps, "bytes": alive.most, "seconds": seconds})
        return found

    def sentence(self, found: Numbers) -> str:
        full = found[FULL]
        by_steps = full[-1]["steps"] / full[0]["steps"]
        growth = full[-1]["bytes"] / full[0]["bytes"]
        hold(
            growth > 0.8 * by_steps,
            f"Full's memory grows {growth:.2g} times over {by_steps:.0f} times the steps",
        )
        others = {name: rows for name, rows in found.items() if name != FULL}
        for name, rows in others.items():
            grown, longer = (rows[-1][key] / rows[-2][key] for key in ("bytes", "steps"))
            most = 0.5 * longer if name == CHECKPOINTED else 1.1
            hold(grown < most, f"{name}'s memory grows {grown:.2g} times over {longer:.0f} times the steps")
        longest = max(rows[-1]["steps"] for rows in found.values())
        said = ", ".join(f"{name} {rows[-1]['bytes'] / MIB:.2g}" for name, rows in others.items())
        slope = full[-1]["bytes"] / full[-1]["steps"]
        return (
            f"Full holds {full[-1]['bytes'] / MIB:.3g} MiB at {full[-1]['steps']:,} steps, {slope:,.0f} "
            f"bytes for each further step; at {longest:,} steps the others hold, in MiB: {said}."
        )

    def plot(self, found: Numbers) -> Plot:
        panels = []
        for key, title, unit, each in (
            ("bytes", "memory", "most bytes alive (MiB)", MIB),
            ("seconds", "time", "forward and backward (s)", 1),
        ):
            marks = [
                Line(
                    x=[row["steps"] for row in rows],
                    y=[row[key] / each for row in rows],
                    name=name,
                    colour=number,
                    dash=number % 4,
                    marked=True,
                )
                for number, (name, rows) in enumerate(found.items())
            ]
            panels.append(
                Panel(
                    x="steps T of a sequence", y=unit, title=title, marks=tuple(marks), log_x=True, log_y=True
                )
            )
        return Plot(
            title="One pass over a sequence",
            caption="Full is measured up to 10,000 steps, the others up to 100,000.",
            panels=tuple(panels),
        )


def gradient(task: Any, batch: Any) -> None:
    """All gradients of one batch, summed in the parameters."""
    task.zero_grad()
    state = task.bptt.first_state(task.network.core.initial_carry(len(batch.x)))
    for update in task.bptt.losses(task.objective, batch, state):
        if update.loss is not None:
            update.loss.backward()
        del update
