"""`--resume RUN` that cannot be: what differs is named, and giving it helps."""

import re
import shlex

import pytest
from forked import in_a_child
from launching import ECHO

from elman.cli import main
from elman.tracking.lock import hold


@pytest.fixture
def begun(folder, monkeypatch):
    """A run that was stopped after its training, before it had finished."""
    folder.write("r.yaml", ECHO)
    with monkeypatch.context() as patch:
        patch.setattr("elman.run.job.record_end", None)
        with pytest.raises(TypeError):
            main(["fit", "r.yaml", "--model.core.hidden_size=6", "--model.clip=null"])
    return folder.run().info.run_id


def test_other_values_are_named_and_help(begun, folder, capsys):
    assert main(["fit", "r.yaml", "--resume", begun]) == 2
    line = capsys.readouterr().err
    assert (
        "was started with other values: --model.clip=null (here 1.0), --model.core.hidden_size=6 (here 5); "
        in line
    )
    given = re.findall(r"(--\S+=\S+) \(here", line)
    assert main(["fit", "r.yaml", "--resume", begun, *given]) == 0
    assert folder.run().info.status == "FINISHED"


def test_a_changed_class_is_named(begun, capsys):
    words = "--model.core.hidden_size=6 --model.clip=null --model.optimizer=SGD --model.optimizer.lr=0.002"
    assert main(["fit", "r.yaml", "--resume", begun, *shlex.split(words)]) == 2
    line = capsys.readouterr().err
    assert "--model.optimizer=torch.optim.Adam (here torch.optim.SGD)" in line


def test_a_finished_run_is_said_to_be_finished_first(begun, capsys):
    """Not sent to look for values that would not help."""
    words = ["--model.core.hidden_size=6", "--model.clip=null"]
    assert main(["fit", "r.yaml", "--resume", begun, *words]) == 0
    capsys.readouterr()
    for more in (words, []):
        assert main(["fit", "r.yaml", "--resume", begun, *more]) == 2
        assert "has finished, after 240 time steps; give a larger" in capsys.readouterr().err


def test_one_of_two_that_resume_in_the_same_second_is_refused(begun, folder, capsys):
    words = ["fit", "r.yaml", "--model.core.hidden_size=6", "--model.clip=null", "--resume", begun]
    with in_a_child(lambda: hold(folder.path / "checkpoints" / begun)) as first:
        assert main(words) == 2
        name = folder.run().info.run_name
        line = capsys.readouterr().err
        assert re.search(rf"run {begun} \({name}\) is still being written by \S+:{first}:\S+; stop it", line)
    assert main(words) == 0  # the first was killed


def test_a_run_stopped_before_its_record_begins_anew(folder, monkeypatch, capsys):
    """As a kill between its creation and its first tags leaves it."""
    folder.write("r.yaml", ECHO)
    with monkeypatch.context() as patch:
        patch.setattr("elman.run.job.record_start", None)
        with pytest.raises(TypeError):
            main(["fit", "r.yaml"])
    run = folder.run()
    assert run.data.tags["elman.why"] == "TypeError: 'NoneType' object is not callable"
    assert "elman.checkpoints" not in run.data.tags
    capsys.readouterr()
    assert main(["fit", "r.yaml", "--resume"]) == 0
    assert "nothing was saved before this run ended: it begins anew" in capsys.readouterr().out
    run = folder.run()
    assert run.info.status == "FINISHED"
    assert "elman.checkpoints" in run.data.tags


def test_folds_need_a_recipe(folder, capsys):
    folder.write("r.yaml", ECHO)
    for words in ([], ["--data.split.folds=3"]):
        assert main(["crossvalidate", *words]) == 2
        said = capsys.readouterr().err
        assert "elman crossvalidate needs a recipe: elman crossvalidate RECIPE.yaml" in said
