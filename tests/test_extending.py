"""The code of docs/extending.md is run, and what it makes is held to the same tests as ours."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import core_rows
import pytest
import torch
from core_rows import Row
from mlflow import MlflowClient
from oracle import SquaredError, pair_gradients, update_gradients

from elman import commands
from elman.batch import SequenceBatch, whole
from elman.bptt import BackpropThroughTime, Full, Truncated
from elman.cli import main
from elman.recipes.recipe import parse

PAGE = Path(__file__).parents[1] / "docs" / "extending.md"
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.DOTALL | re.MULTILINE))
B, T = 3, 9
LENGTHS = torch.tensor([9, 4, 1])


def code(section: str) -> str:
    """The section's block of Python."""
    (block,) = re.findall(r"^```python\n(.*?)^```", SECTIONS[section], re.DOTALL | re.MULTILINE)
    return block


def made(section: str) -> dict[str, Any]:
    """What the section's code defines, imported from a file of its own."""
    name = re.sub(r"\W+", "_", section).lower()
    file = Path(f"{name}.py")
    file.write_text(code(section))
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return vars(module)


@pytest.mark.parametrize("section", SECTIONS)
def test_a_door_opens_with_at_most_15_lines(section: str) -> None:
    most = 60 if section == "A cell with its own backward pass" else 15
    assert len([line for line in code(section).splitlines() if line.strip()]) <= most
    assert made(section)


def test_a_recipe_names_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_strategy.py").write_text(code("A strategy"))
    (tmp_path / "my_cell.py").write_text(code("A core or a cell"))
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "mine.yaml").write_text(
        "model:\n"
        "  bptt: {class_path: my_strategy.LastSteps, init_args: {k: 20}}\n"
        "  core: {class_path: my_cell.MinimalGated, init_args: {layers: 2, floor: 0.1}}\n"
        "data: {class_path: datamodules.synthetic.Echo, init_args: {lag: 3, steps: 40}}\n"
    )
    model = parse("fit", ["mine.yaml"]).config.model
    assert model.bptt.init_args.k == 20
    assert (model.core.init_args.floor, model.core.init_args.hidden_size) == (0.1, 128)


def batch_of(*, ragged: bool) -> SequenceBatch:
    torch.manual_seed(2)
    values = torch.randn(B, T, core_rows.F, dtype=torch.float64)
    batch = whole(values, torch.randn(B, T, 2, dtype=torch.float64))
    exists = torch.arange(T) < LENGTHS[:, None]
    return batch._replace(lengths=LENGTHS, scored=exists) if ragged else batch


def hold_to_its_credit(bptt: BackpropThroughTime, net: SquaredError, batch: SequenceBatch) -> None:
    expected = torch.einsum("ts,tsp->p", bptt.credit_matrix(T).double(), pair_gradients(net, batch))
    found = sum(update_gradients(bptt, net, [batch]))
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("ragged", [False, True], ids=["even", "ragged"])
@pytest.mark.parametrize("k", [1, 3, 20])
def test_the_strategy_is_held_to_its_credit(k: int, ragged: bool) -> None:
    (row,) = (row for row in core_rows.CORES if str(row) == "LSTM")
    hold_to_its_credit(
        made("A strategy")["LastSteps"](k=k), SquaredError(row.make(hidden_size=4)), batch_of(ragged=ragged)
    )


@pytest.mark.parametrize("ragged", [False, True], ids=["even", "ragged"])
@pytest.mark.parametrize("bptt", [Full(), Truncated(k1=2, k2=5)], ids=["full", "truncated"])
def test_every_strategy_trains_the_cell(bptt: BackpropThroughTime, ragged: bool) -> None:
    core = made("A core or a cell")["MinimalGated"](
        core_rows.F, hidden_size=4, layers=2, residual=True, floor=0.1
    )
    hold_to_its_credit(bptt, SquaredError(core), batch_of(ragged=ragged))


def by_hand(x: torch.Tensor, memory: tuple, weights: list) -> tuple:
    """The equations of the cell's docstring, for one row."""
    w_ih, w_hh, b_ih, b_hh = weights
    (h,) = memory
    (from_f, from_x), (w, r) = (w_ih @ x + b_ih + b_hh).split(core_rows.H), w_hh.split(core_rows.H)
    f = 0.1 + 0.9 * torch.sigmoid(from_f + w @ h)
    h = (1 - f) * h + f * torch.tanh(from_x + r @ (f * h))
    return h, (h,)


def test_the_cell_computes_its_equations() -> None:
    core = core_rows.build(Row(made("A core or a cell")["MinimalGated"], {"floor": 0.1}))
    x, carry = core_rows.inputs(core)
    out, end = core(x, carry)
    for b in range(len(x)):
        memory = (carry[0][b, 0],)
        for t in range(x.shape[1]):
            h, memory = by_hand(x[b, t], memory, list(core.parameters()))
            torch.testing.assert_close(out[b, t], h, **core_rows.EXACT)
        torch.testing.assert_close(end[0][b, 0], memory[0], **core_rows.EXACT)
    small = made("A core or a cell")["MinimalGated"](2, hidden_size=2).double()
    values = torch.randn(2, 3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: small(v, small.initial_carry(2))[0], values)


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["even", "ragged"])
@pytest.mark.parametrize(
    ("section", "name", "kernel", "options"),
    [
        ("A cell with its own backward pass", "Leaky", "scan", {"rate": 0.3}),
        ("A cell that is linear in its carry", "Fading", "parallel", {}),
    ],
)
def test_the_cells_own_backward_pass_is_autograds(
    section: str, name: str, kernel: str, options: dict, lengths: torch.Tensor | None
) -> None:
    cell = made(section)[name]
    cores = [core_rows.build(Row(cell, {**options, "kernel": k}), layers=2) for k in (kernel, "loop")]
    assert cell(2).stack.choice().kernel == kernel
    x = torch.randn(B, T, core_rows.F, dtype=torch.float64, requires_grad=True)
    carry = tuple(torch.randn_like(leaf).requires_grad_() for leaf in cores[0].initial_carry(B))
    ran = [core(x, carry, lengths) for core in cores]
    torch.testing.assert_close(ran[0], ran[1], rtol=1e-12, atol=1e-12)
    by_hand, by_autograd = (
        core_rows.gradients(core_rows.weighted(*each), core, x, carry)
        for each, core in zip(ran, cores, strict=True)
    )
    torch.testing.assert_close(by_hand, by_autograd, rtol=1e-10, atol=1e-10)


TINY = """\
model: {core: {class_path: Elman, init_args: {hidden_size: 4}}}
data: {class_path: Echo, init_args: {lag: 2, steps: 20, batch_size: 2, val_batches: 1}}
trainer: {max_time_steps: 400, val_every: 80, progress: false, accelerator: cpu}
tracking: {system_metrics: false}
"""


@pytest.fixture
def run_of_mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_store: Path) -> Path:
    """A folder in which a recipe with the page's callback and diagnostic was run, to the first validation."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    shutil.copy(fresh_store, tmp_path / "mlflow.db")
    (tmp_path / "my_callback.py").write_text(code("A callback"))
    (tmp_path / "my_diagnostic.py").write_text(code("A diagnostic"))
    own = "callbacks: [{class_path: my_callback.StopBelow, init_args: {value: 1000.0}}]\n"
    (tmp_path / "my_meter.py").write_text(code("A meter"))
    own += "diagnostics: [my_diagnostic.ReadoutNorms, my_meter.CarryNorm]\n"
    (tmp_path / "mine.yaml").write_text(TINY + own)
    assert main(["fit", "mine.yaml"]) == 0
    return tmp_path


def test_the_callback_and_the_command(
    run_of_mine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkpoint,) = run_of_mine.glob("checkpoints/*/step-*.ckpt")
    saved = torch.load(checkpoint, weights_only=True)
    assert saved["elman"]["time_steps"] < 400
    (run_of_mine / "commands").mkdir()
    (run_of_mine / "commands" / "norms.py").write_text(code("A command"))
    monkeypatch.setattr(commands, "__path__", [*commands.__path__, str(run_of_mine / "commands")])
    capsys.readouterr()
    assert main(["norms", str(checkpoint), "--order=1"]) == 0
    printed = dict(line.split() for line in capsys.readouterr().out.splitlines())
    for name, weights in saved["state_dict"].items():
        assert float(printed[name]) == pytest.approx(float(weights.float().norm(1)), rel=1e-3)
    assert main(["norms", "--help"]) == 0
    assert "--order=P" in capsys.readouterr().out
    del sys.modules["elman.commands.norms"]


def test_the_diagnostic_is_on_the_runs_page(run_of_mine: Path) -> None:
    (checkpoint,) = run_of_mine.glob("checkpoints/*/step-*.ckpt")
    saved = torch.load(checkpoint, weights_only=True)
    client = MlflowClient(f"sqlite:///{run_of_mine}/mlflow.db")
    (run,) = client.search_runs([e.experiment_id for e in client.search_experiments()])
    norms = saved["state_dict"]["readout.weight"].norm(dim=1)
    assert run.data.metrics["readout/largest_norm"] == pytest.approx(float(norms.max()), rel=1e-6)
    (picture,) = client.list_artifacts(run.info.run_id, "readout")
    assert picture.path == f"readout/{saved['elman']['time_steps']:014d}.png"


def test_the_meter_is_asked_in_training_and_afterwards(
    run_of_mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The best checkpoint is that of the one validation: the same answer, and nothing logged twice."""
    client = MlflowClient(f"sqlite:///{run_of_mine}/mlflow.db")
    (run,) = client.search_runs([e.experiment_id for e in client.search_experiments()])
    last = run.data.metrics["carry_norm/last"]
    capsys.readouterr()
    asked = ["--meters=my_meter.CarryNorm,Saturation", "--trust=my_callback,my_diagnostic,my_meter"]
    assert main(["diagnose", run.info.run_id, *asked]) == 0
    printed = capsys.readouterr()
    assert f"carry_norm: |h| ends at {last:.2g}." in printed.err
    assert "diagnosis/diagnosis.html and 4 pictures beside it, and all of it on the run's page" in printed.out
    files = {file.path for file in client.list_artifacts(run.info.run_id, "diagnosis")}
    names = {"diagnosis.html", *(f"{n}.{s}" for n in ("carry_norm", "saturation") for s in ("png", "svg"))}
    assert files == {f"diagnosis/{name}" for name in names}
    assert len(client.get_metric_history(run.info.run_id, "carry_norm/last")) == 1
    assert 0 <= client.get_run(run.info.run_id).data.metrics["saturation/dead_share"] <= 1
    assert client.get_run(run.info.run_id).info.status == run.info.status
    assert main(["diagnose", run.info.run_id, "--meters=Satiation"]) == 2
    assert "--meters: there is no class 'Satiation'; did you mean 'Saturation'?" in capsys.readouterr().err
    assert main(["diagnose"]) == 2
    assert "needs a run's id or name, or a checkpoint" in capsys.readouterr().err
