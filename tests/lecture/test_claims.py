"""Every claim holds in numbers measured with less, and does not in numbers that deny it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from elman.lecture.claim import Claim, NotSo
from elman.lecture.claims import ALL
from elman.lecture.claims.a_sequence import ASequence
from elman.lecture.claims.carry import CarryKept
from elman.lecture.claims.feed_forward import FeedForwardCosts
from elman.lecture.claims.gradients import Gradients
from elman.lecture.claims.memory import Memory
from elman.lecture.claims.overwriting import Overwritten
from elman.lecture.claims.reach import Reach
from elman.lecture.claims.relationships import FAMILY as RELATIONSHIPS
from elman.lecture.claims.relationships import Relationships
from elman.lecture.claims.updates import UpdatesToLoss
from elman.lecture.lab import Lab
from elman.pictures.on_paper import on_paper
from elman.pictures.on_screen import on_screen

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
SHORT = ["one to one", "many to one"]
SMALLER: list[Claim] = [
    ASequence(),
    CarryKept(
        time_steps=48_000,
        options=("--data.path=text.txt", "--data.steps=100", "--model.core.hidden_size=32"),
    ),
    FeedForwardCosts(epochs=2),
    Gradients(steps=24, rows=2),
    Memory(
        lengths={
            "Full": (50, 400),
            "Checkpointed": (50, 800),
            "Split(k=200)": (200, 400),
            "SnAp1(k1=200)": (200, 400),
        }
    ),
    Overwritten(time_steps=300_000, lags=16, rows=32),
    Reach(k2s=(8,), lags=(3, 9), time_steps=60_000),
    Relationships(family={name: RELATIONSHIPS[name] for name in SHORT}, share=0.15),
    UpdatesToLoss(
        full=512_000, cut=32_000, options=("--data.steps=100", "--data.lag=3", "--data.batch_size=32")
    ),
]
DENIED: dict[
    str, list[tuple[tuple[Any, ...], Any]]
] = {  # places in the numbers, and what stands there instead
    "a_sequence": [
        (("norms", "Split(k=4)", 2), 0.1),
        (("norms", "Truncated(k1=4, k2=4)", 2), 0.1),
        (("norms", "Truncated(k1=4, k2=7)", 2), 0.0),
    ],
    "carry": [(("last", "carry kept: Truncated(k1=10, k2=10)", "val"), 9.0)],
    "feed_forward": [
        (("curves", "LSTM, row by row", -1, 1), 0.4),
        (("curves", "feed-forward, all rows at once", -1, 1), 0.4),
        (("flat", -1), 1_000),
    ],
    "gradients": [
        (("norms", "sigmoid, small random weights", -1), 1.0),
        (("norms", "tanh, orthogonal weights", -1), 0.0),
        (("norms", "LSTM, forget bias 3", -1), 0.0),
        (("norms", "1.2 x orthogonal, inputs near zero", -1), 1.0),
        (("norms", "the same, state_clip 0.1", 3), 1.0),
    ],
    "memory": [
        (("Full", -1, "bytes"), 0),
        (("Split(k=200)", -1, "bytes"), 1e9),
        (("Checkpointed", -1, "bytes"), 1e9),
    ],
    "overwriting": [
        (("Elman, tanh", "accuracy"), 0.7),
        (("Elman, tanh", "items"), [0.0] * 17),
        (("LSTM, forget bias 3", "blank"), [1.0] * 7 + [0.0] * 10),
    ],
    "reach": [(("rows", 0, "accuracy"), 0.7), (("rows", 1, "accuracy"), 0.7), (("rows",), [])],
    "relationships": [(("one to one", "right"), 0.1)],
    "updates": [
        (("Full", "first"), None),
        (("Full", "first", "updates"), 10**9),
        (("Full", "first", "time_steps"), 1),
    ],
}


@pytest.mark.parametrize("claim", SMALLER, ids=lambda claim: claim.name)
def test_holds_in_its_numbers_and_in_no_others(claim: Claim) -> None:
    Path("text.txt").write_text(
        "".join(f"what gate {n % 97} lets in, cell {n % 89} keeps\n" for n in range(3_000))
    )
    found = claim.measure(Lab(EXPERIMENTS))
    assert any(letter.isdigit() for letter in claim.sentence(found))
    for place, value in DENIED[claim.name]:
        other: Any = copy.deepcopy(found)
        inner = other
        for key in place[:-1]:
            inner = inner[key]
        assert inner[place[-1]] != value
        inner[place[-1]] = value
        with pytest.raises(NotSo):
            claim.sentence(other)
    plot = claim.plot(found)
    on_paper(plot)
    on_screen(plot)


def test_every_claim_is_here() -> None:
    assert {kind.name for kind in ALL} == {claim.name for claim in SMALLER} == set(DENIED)
    assert len({kind.name for kind in ALL}) == len(ALL)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_the_docs_say_what_the_command_measured(kind: type[Claim]) -> None:
    docs = EXPERIMENTS.parent / "docs"
    found = json.loads((docs / "lecture" / "lecture.json").read_text())["claims"][kind.name]
    text = (docs / "lecture.md").read_text()
    claim = kind()
    assert f"## {kind.question}\n\n{kind.setting}\n\n> {claim.sentence(found['numbers'])}\n" in text
    assert (docs / "lecture" / f"{kind.name}.png").stat().st_size < 60_000
