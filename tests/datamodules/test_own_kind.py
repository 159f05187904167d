"""A data module in a file of the working folder, or of another package: no file of ours names it."""

import sys
from pathlib import Path

import pytest

import datamodules
from elman.cli import main
from elman.recipes.recipe import parse

DOCS = Path(__file__).parents[2] / "docs" / "extending.md"
RAMP = DOCS.read_text(encoding="utf-8").split("## A data module")[1].split("```python\n")[1].split("```")[0]
RECIPE = """
model:
  core: {class_path: elman.cores.Elman, init_args: {hidden_size: 4}}
  loss: {class_path: elman.tasks.SquaredError}
data:
  class_path: ramps.Ramp
  init_args: {steps: 10, batch_size: 4}
trainer: {max_time_steps: 80, accelerator: cpu, threads: 1}
"""


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch):
    """Python's path, and no module `ramps` from another test."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    sys.modules.pop("ramps", None)


def test_a_file_of_the_working_folder_is_trained_on(folder, capsys):
    (folder / "ramps.py").write_text(RAMP, encoding="utf-8")
    (folder / "ramp.yaml").write_text(RECIPE, encoding="utf-8")
    assert main(["fit", "ramp.yaml"]) == 0
    assert "80" in capsys.readouterr().out


def test_an_installed_file(tmp_path):
    (tmp_path / "installed").mkdir()
    (tmp_path / "installed" / "ramps.py").write_text(RAMP, encoding="utf-8")
    (tmp_path / "ramp.yaml").write_text(RECIPE, encoding="utf-8")
    sys.path.append(str(tmp_path / "installed"))
    data = parse("fit", ["ramp.yaml"]).classes().data
    assert type(data).__module__ == "ramps"
    assert data.train_dataloader().batch(0).x.shape == (4, 10, 1)


def test_public_names_are_those_of_their_files():
    for name in datamodules.__all__:
        assert getattr(datamodules, name).__name__ == name
    assert set(datamodules.__all__) <= set(dir(datamodules))
    with pytest.raises(AttributeError, match="no attribute 'Ramp'"):
        datamodules.Ramp  # noqa: B018


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("return whole(", "return (", "line[:, 1:])", "line)"),
            "gives a tuple for a batch, where an elman.batch",
        ),
        (("token_ids = 1, 1, False", "token_ids = 2, 1, False"), "x of shape (4, 10, 1), where (B, T, 2)"),
        (("token_ids = 1, 1, False", "token_ids = 1, 1, True"), "x of shape (4, 10, 1), where (B, T) is due"),
        (
            (
                "token_ids = 1, 1, False",
                "token_ids = 5, 1, True",
                "line[:, :-1]",
                "slope[:, :, 0].long() + 5",
            ),
            "x from 5 to 5, but input_size=5 allows 0 to 4",
        ),
        (
            ("line[:, 1:])", "line[:, 1:, 0].long().fill_(7))"),
            "y from 7 to 7, but output_size=1 allows 0 to 0",
        ),
        (
            ("line[:, 1:])", "line[:, 1:], scored=torch.ones(4, 9, dtype=torch.bool))"),
            "scored of shape (4, 9), where (4, 10) is due",
        ),
        (
            ("line[:, 1:])", "line[:, 1:])._replace(begins=torch.ones(4, dtype=torch.bool))"),
            "begins of shape (4,), where (4, 10) is due; elman.batch.at_first_step makes it; mend its code",
        ),
        (
            (
                "line[:, 1:])",
                "line[:, 1:])._replace(begins=torch.arange(10).expand(4, -1) % 7 == 0, "
                "lengths=torch.tensor([10, 8, 7, 9]))",
            ),
            "a sequence begins at step 7 of row 2, but lengths gives that row 7 steps; mend its code",
        ),
        (
            (
                "line[:, 1:])",
                "line[:, 1:])._replace(begins=torch.arange(10).expand(4, -1) % 7 == 0, "
                "context=torch.zeros(4, 2))",
            ),
            "a context and sequences that begin inside rows, but a row has one context",
        ),
    ],
)
def test_a_batch_that_is_not_what_was_declared(folder, capsys, change, message):
    code = RAMP
    for before, after in zip(change[::2], change[1::2], strict=True):
        assert before in code
        code = code.replace(before, after)
    (folder / "ramps.py").write_text(code, encoding="utf-8")
    (folder / "ramp.yaml").write_text(RECIPE, encoding="utf-8")
    assert main(["fit", "ramp.yaml"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert line.startswith("elman: error: data: Ramp gives")
