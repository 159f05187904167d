"""Diagnostics listed in recipes: one file of a user's own is enough, and only training makes them."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from elman.cli import main
from elman.diagnostics import CaptionPictures, Cost, CreditPicture, Diagnostic, Meter, Reading, Samples
from elman.diagnostics.choice import OWN, diagnostics_of
from elman.diagnostics.meters import ALL
from elman.errors import BadInput

RECIPE = """\
# How large do the weights grow?
model: {core: {class_path: GRU, init_args: {hidden_size: 5}}}
data: {class_path: Echo, init_args: {lag: 2, steps: 20, batch_size: 2, val_batches: 1}}
trainer: {max_time_steps: 400, val_every: 200, progress: false, accelerator: cpu, test_after: true}
tracking: {system_metrics: false}
diagnostics: [{class_path: norms.Norms, init_args: {power: 1}}]
"""
NORMS = """\
from matplotlib.figure import Figure

from elman.diagnostics import Diagnostic

made = []


class Norms(Diagnostic):
    name = "norms"

    def __init__(self, *, power: float = 2.0) -> None:
        self.power, self.batches = power, 0
        made.append(self)

    def on_train_batch_end(self, trainer, task, outputs, batch, batch_idx):
        self.batches += 1

    def measure(self, task, data):
        self.norms = [float(p.norm(self.power)) for p in task.parameters()]
        return {"largest": max(self.norms), "batches": self.batches}

    def draw(self, task, data):
        figure = Figure()
        figure.add_subplot().bar(range(len(self.norms)), self.norms)
        self.closing = f"the largest norm is {max(self.norms):.3f}"
        return figure


class Nameless(Diagnostic):
    pass


def norms() -> Norms:
    raise AssertionError("a recipe must not call functions")
"""


@pytest.fixture
def own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a diagnostic and a recipe that lists it."""
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    (folder / "norms.py").write_text(NORMS)
    (folder / "r.yaml").write_text(RECIPE)
    monkeypatch.delitem(sys.modules, "norms", raising=False)
    return folder


def test_a_diagnostic_of_a_users_own(own: Path, client, capsys: pytest.CaptureFixture[str]) -> None:
    """Its metrics and pictures are on the run's page; it replaces those of ours but the cost."""
    assert main(["fit", "r.yaml"]) == 0
    printed = capsys.readouterr().out
    (diagnostic,) = importlib.import_module("norms").made
    assert diagnostic.power == 1
    assert f"the largest norm is {max(diagnostic.norms):.3f}" in printed
    (run,) = client.search_runs([e.experiment_id for e in client.search_experiments()])
    batches = client.get_metric_history(run.info.run_id, "norms/batches")
    assert [(point.step, point.value) for point in batches] == [(200, 5), (400, 10)]
    assert run.data.metrics["norms/largest"] == max(diagnostic.norms)
    assert run.data.metrics["cost/seconds"] > 0
    pictures = [file.path for file in client.list_artifacts(run.info.run_id, "norms")]
    assert pictures == [f"norms/{step:014d}.png" for step in (200, 400)]
    assert "credit.png" not in [file.path for file in client.list_artifacts(run.info.run_id)]
    # A trained network is read without it.
    del importlib.import_module("norms").made[:]
    (own / "norms.py").write_text("raise AssertionError('imported')")
    sys.modules.pop("norms")
    for words in (["validate"], ["test"], ["predict", "--output=p.csv"]):
        assert main([words[0], run.info.run_id, *words[1:]]) == 0
    assert main(["sample", run.info.run_id]) == 2
    assert "imported" not in capsys.readouterr().err


def test_the_digest_names_what_decides_the_numbers(own: Path) -> None:
    from elman.recipes.recipe import parse

    digests = {
        parse("fit", ["r.yaml", f"--diagnostics={d}"]).digest for d in ("null", "[Cost]", "[norms.Norms]")
    }
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        ("[torch.nn.Linear]", "torch.nn.Linear is no Diagnostic"),
        ("[norms.norms]", "norms.norms is no Diagnostic"),
        ("[nowhere.Norms]", "cannot import 'nowhere.Norms'"),
        ("norms.Norms", "expected a list or null, got 'norms.Norms'"),
        ("[Samples]", "Samples needs text of which each token is predicted, which this run lacks"),
        ("[CaptionPictures]", "CaptionPictures needs captions, which this run lacks; leave it out"),
        ("[norms.Nameless]", "Nameless has no name to stand under on the run's page; write name ="),
        ("[norms.Norms, norms.Norms]", "two are called 'norms'"),
        ("[{class_path: norms.Norms, init_args: {power: two}}]", "power"),
    ],
)
def test_refused_in_one_line(
    own: Path, listed: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", "r.yaml", f"--diagnostics={listed}"]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "diagnostics" in said
    assert said.count("\n") == 1


def test_those_that_fit() -> None:
    text = SimpleNamespace(alphabet="abc")
    captions = SimpleNamespace(alphabet="abc", captions=object())

    def chosen(data: object, *, output_size: int = 3, context_size: int | None = None) -> list[type]:
        sizes = {"input_size": 3, "output_size": output_size, "context_size": context_size}
        task = SimpleNamespace(network=SimpleNamespace(token_ids=True, **sizes))
        return [type(one) for one in diagnostics_of(None, task, data)]

    assert chosen(text) == [CreditPicture, Samples, Cost]
    assert chosen(captions, context_size=7) == [CreditPicture, CaptionPictures, Cost]
    assert chosen(text, output_size=2) == [CreditPicture, Cost]
    assert chosen(SimpleNamespace()) == [CreditPicture, Cost]
    assert [type(one) for one in diagnostics_of([], None, None)] == [Cost]
    cost = Cost()
    assert diagnostics_of([cost], None, None) == [cost]
    with pytest.raises(BadInput, match="Samples needs text"):
        diagnostics_of([Samples()], SimpleNamespace(network=SimpleNamespace(token_ids=False)), None)


def test_none_is_left_out() -> None:
    """Every public diagnostic is chosen where it fits, and has a name of its own."""
    from elman import diagnostics

    public = {getattr(diagnostics, name) for name in diagnostics.__all__} - {Diagnostic, Meter, Reading}
    assert public == {*OWN, Cost, *ALL}
    assert len({kind.name for kind in public}) == len(public)
