"""`elman lecture`: its page, its refusals, and the instruments that its claims measure with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mlflow
import pytest
import torch

from elman.bptt import Full, Split, Truncated
from elman.cli import main
from elman.diagnostics.credit import touched_steps
from elman.errors import BadInput
from elman.lecture import session
from elman.lecture.alive import Alive
from elman.lecture.claim import Claim, hold
from elman.lecture.claims.a_sequence import LOSS, loss_by_input
from elman.lecture.claims.reach import reaching
from elman.lecture.lab import Lab
from elman.pictures.plot import Line, Panel, Plot

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


class Count(Claim):
    """Two is more than one, or is it."""

    name, question, setting = "count", "Is 2 < 1 & so on?", "Two numbers."

    def measure(self, lab: Lab) -> dict[str, Any]:
        return {"numbers": [1, 2]}

    def sentence(self, found: Any) -> str:
        one, two = found["numbers"]
        hold(two < one, f"{two} is more than {one}")
        return "2 < 1."

    def plot(self, found: Any) -> Plot:
        line = Line(x=[0, 1], y=found["numbers"])
        return Plot(title="Numbers", caption="Two.", panels=(Panel(x="place", y="number", marks=(line,)),))


def test_one_page_with_its_pictures_and_numbers(capsys: pytest.CaptureFixture) -> None:
    """Found in the checkout that elman runs from, wherever it is started."""
    assert main(["lecture", "--only=a_sequence", "--output=out"]) == 0
    assert "a_sequence: In windows of 4" in capsys.readouterr().out
    page, numbers = Path("out/lecture.html").read_text(), json.loads(Path("out/lecture.json").read_text())
    claim = numbers["claims"]["a_sequence"]
    assert claim["holds"]
    assert claim["numbers"]["norms"]["Split(k=4)"][:4] == [0, 0, 0, 0]
    assert claim["sentence"].split(";")[0].replace("'", "&#x27;") in page
    assert "elman lecture --only=a_sequence" in page
    assert Path("out/a_sequence.png").read_bytes().startswith(b"\x89PNG")


def test_a_claim_that_does_not_hold_is_shown_and_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(session, "ALL", (Count,))
    assert main(["lecture"]) == 1
    assert "count: does not hold: 2 is more than 1." in capsys.readouterr().out
    page = Path("lecture/lecture.html").read_text()
    assert "does not hold in these numbers" in page
    assert "Is 2 &lt; 1 &amp; so on?" in page


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--only=a_sequense"], "no claim is called 'a_sequense'; did you mean a_sequence?"),
        (["--only=xyzzy"], "there are relationships, feed_forward"),
        (["--experiments=nowhere"], "nowhere holds no folder 'lecture' with its recipes"),
        (["--output=/proc/none"], "--output=/proc/none cannot be made ("),
        (["reach"], "'reach' is one word too many; elman lecture [--only=NAME,...]"),
        (["--model.core=GRU"], "there is no option --model.core here"),
    ],
)
def test_refusals_are_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture) -> None:
    assert main(["lecture", *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not Path("lecture").exists()


def test_a_command_of_the_page_repeats_its_numbers(client: mlflow.MlflowClient) -> None:
    options = ("--trainer.max_time_steps=9600", "--trainer.val_every=9600", "--data.val_batches=1")
    lab = Lab(EXPERIMENTS)
    trained = lab.trained("lecture/reach", *options)
    (command,) = lab.commands
    fit, recipe, *shown = command.split()[1:]
    quiet = ("--trainer.progress=false", "--tracking.system_metrics=false", "--trainer.threads=1")
    assert main([fit, str(EXPERIMENTS.parent / recipe), *shown, *quiet]) == 0
    (run,) = client.search_runs([e.experiment_id for e in client.search_experiments()])
    assert trained.last("val/nats_per_step") == run.data.metrics["val/nats_per_step"]
    assert trained.curves["val/accuracy"][-1][0] == 9600
    assert trained.curves["val/accuracy"][-1].updates == run.data.metrics["train/updates"]


def test_bytes_are_those_of_storages_that_live_at_once() -> None:
    given = torch.zeros(1_000)
    with Alive(apart=(given,)) as alive:
        first = torch.ones(100)  # 400 bytes
        second = first.double()  # 800
        del first
        view = second.view(10, 10)
        del second
        part = given[:10].view(5, 2)
        torch.ones(50)  # 200, gone at once
        assert alive.now == 800
    assert alive.most == 1_200
    assert (view.sum(), part.sum()) == (100, 0)


def test_bytes_count_what_waits_for_the_way_back() -> None:
    """x -> exp(x) -> ... keeps every exp(x) until the gradient is taken."""
    x = torch.zeros(10, requires_grad=True, dtype=torch.float64)
    with Alive(apart=(x,)) as alive:
        y = x
        for _ in range(7):
            y = (y / 2).exp()
        del y
        assert alive.now == 0
    assert 7 * 80 < alive.most <= 9 * 80


class Unmeasured(Count):
    """A claim whose data is not there."""

    name = "unmeasured"

    def measure(self, lab: Lab) -> dict[str, Any]:
        raise BadInput("data.path: not there")


def test_a_claim_that_cannot_be_measured_leaves_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(session, "ALL", (Unmeasured, Count))
    assert main(["lecture"]) == 1
    assert "unmeasured: left out; data.path: not there" in capsys.readouterr().err
    assert list(json.loads(Path("lecture/lecture.json").read_text())["claims"]) == ["count"]


@pytest.mark.parametrize("recipe", ["reach/full", "reach/split", "reach/truncated_4_7"])
def test_a_loss_is_charged_where_the_strategy_says(recipe: str) -> None:
    task, data = Lab(EXPERIMENTS).made(recipe)
    batch = data.train_dataloader().batch(0)
    norms = loss_by_input(task, batch, LOSS)
    assert [step for step, norm in enumerate(norms) if norm > 0] == touched_steps(task, batch, LOSS)


def test_the_share_that_reaches_is_that_of_the_credit_matrix() -> None:
    found = [reaching(Truncated(k1=4, k2=8), steps=60, lag=lag) for lag in (4, 6, 8)]
    assert found == [1.0, pytest.approx(0.5, abs=0.03), 0.0]
    assert reaching(Full(), steps=60, lag=59) == 1
    assert reaching(Split(k=4), steps=60, lag=3) == pytest.approx(15 / 57)
