"""The relationships between a sequence in and a sequence out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from elman.lecture.claim import Claim, Numbers, hold
from elman.lecture.lab import Lab
from elman.pictures.plot import Bars, Dots, Panel, Plot


class Relationship(NamedTuple):
    """One of them.

    Args:
        recipe: of a task that has it.
        task: in a few words.
        metric: a share of right answers.
        guess: what a guess reaches.
        time_steps: of training.
    """

    recipe: str
    task: str
    metric: str
    guess: float
    time_steps: int


FAMILY = {
    "one to one": Relationship(
        "relationships/one_to_one", "a digit, seen at once", "val/accuracy", 0.1, 24_080
    ),
    "one to many": Relationship(
        "relationships/one_to_many", "a digit's name, spelled", "val/exact", 0.1, 120_360
    ),
    "many to one": Relationship(
        "relationships/many_to_one_rows", "a digit, read row by row", "val/accuracy", 0.1, 192_640
    ),
    "many to many, aligned": Relationship(
        "lecture/reach", "a bit, repeated 4 steps later", "val/accuracy", 0.5, 150_000
    ),
    "many to many, unaligned": Relationship(
        "relationships/many_to_many_unaligned", "a video, described in words", "val/exact", 0.025, 300_000
    ),
}


class Relationships(Claim):
    """Each relationship, learned by one recurrent network after the other.

    Args:
        family: by their names.
        share: of each budget.
    """

    name = "relationships"
    question = "Which sequences can be put into which?"
    setting = (
        "One network a relationship: a single step in or out, a sequence in or out, an answer at every step "
        "or once all is read. The budgets are short; a right answer is a whole name or sentence where text "
        "comes out."
    )

    def __init__(self, *, family: Mapping[str, Relationship] = FAMILY, share: float = 1.0) -> None:
        self.family, self.share = family, share

    def measure(self, lab: Lab) -> Numbers:
        found = {}
        for name, one in self.family.items():
            steps = round(one.time_steps * self.share)
            budget = (f"--trainer.max_time_steps={steps}", f"--trainer.val_every={steps}")
            trained = lab.trained(one.recipe, *budget)
            right = trained.last(one.metric)
            found[name] = {"right": right, "guess": one.guess, "task": one.task, "seconds": trained.seconds}
        return found

    def sentence(self, found: Numbers) -> str:
        for name, one in found.items():
            told = f"{name}: right for {one['right']:.1%}, a guess for {one['guess']:.1%}"
            hold(one["right"] > one["guess"] + 0.2, told)
        shares = "; ".join(
            f"{name} ({one['task']}) {one['right']:.1%} against {one['guess']:.1%}"
            for name, one in found.items()
        )
        return f"A mask over the scored steps makes them all. Right answers, against a guess: {shares}."

    def plot(self, found: Numbers) -> Plot:
        places = list(range(1, len(found) + 1))
        right, guesses = ([one[key] for one in found.values()] for key in ("right", "guess"))
        marks = (
            Bars(x=places, height=right, width=0.6, name="trained"),
            Dots(x=places, y=guesses, name="a guess", colour=1),
        )
        panel = Panel(x="relationship", y="right answers (share)", marks=marks, y_from=0, y_to=1.25)
        named = [f"{number}: {name}, {found[name]['task']}" for number, name in enumerate(found, start=1)]
        return Plot(
            title="Right answers of validation, and of a guess",
            caption="; ".join(named) + ".",
            panels=(panel,),
        )
