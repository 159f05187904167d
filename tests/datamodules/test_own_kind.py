"""A data module in a file of the working folder, or of another package: no file of ours names it."""

import sys

import pytest

import datamodules
from elman.cli import main
from elman.recipes.recipe import parse

RAMP = '''
import torch
from datamodules import Generated
from elman.batch import whole


class Ramp(Generated):
    """The next value of a line of random slope."""

    input_size, output_size, token_ids = 1, 1, False

    def batch(self, part, index):
        slope = torch.rand(self.batch_size, 1, 1, generator=self.draw(part, index))
        line = slope * torch.linspace(0, 1, self.steps + 1)[:, None]
        return whole(line[:, :-1], line[:, 1:])

    def metadata(self):
        return {}
'''
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
    assert len([line for line in RAMP.splitlines() if line]) <= 15


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
