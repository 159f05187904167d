"""A run that has finished trains on with a larger budget, by its name alone, as if it had had that budget."""

import pytest
from launching import ECHO, differences

from elman.cli import main

RECIPE = """\
# What does the next character depend on?
model:
  core: {class_path: GRU, init_args: {hidden_size: 4, layers: 2, dropout: 0.2}}
  bptt: {class_path: Truncated, init_args: {k1: 7, k2: 11}}
  embedding: 3
  log_every: 3
data: {class_path: Text, init_args: {path: text.txt, cache: cache, batch_size: 2, steps: 20}}
trainer: {max_time_steps: 400, val_every: 200, progress: false, accelerator: cpu, test_after: true}
tracking: {system_metrics: false}
"""
WALL_CLOCK = ("train/steps_per_second", "train/update_ms", "train/waiting_share", "cost/")


@pytest.fixture
def one(folder, capsys):
    """Run a command; its exit code, and what it prints."""

    def run(*words):
        capsys.readouterr()
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def measured(folder, run):
    return {p for p in folder.points(run) if not p[0].startswith(WALL_CLOCK)}


def test_a_finished_run_trains_on_as_if_its_budget_had_been_larger(folder, one):
    folder.write("r.yaml", RECIPE)
    assert one("fit", "r.yaml", "--trainer.max_time_steps=800")[0] == 0
    reference = folder.run()
    assert one("fit", "r.yaml")[0] == 0
    first = next(r for r in folder.runs() if r.info.run_id != reference.info.run_id)
    name = first.info.run_id
    before = measured(folder, first)

    code, _, err = one("fit", "--resume", name)
    assert code == 2
    assert f"({first.info.run_name}) has finished, after 400 time steps" in err
    code, _, err = one("fit", "r.yaml", "--resume", name, "--trainer.max_time_steps=300")
    assert code == 2
    assert "has finished, after 400 time steps" in err
    code, _, err = one("fit", "--resume", name[:9], "--trainer.max_time_steps=800", "--model.clip=3")
    assert code == 2
    assert "was started with other values: --model.clip=1.0 (here 3.0)" in err

    code, out, _ = one("fit", "--resume", name[:9], "--trainer.max_time_steps=800")
    assert code == 0
    assert "best val/bits_per_step" in out
    run = folder.client.get_run(name)
    assert run.info.status == "FINISHED"
    assert run.data.tags["elman.attempt"] == "2"
    for tag in ("elman.recipe", "elman.recipe_digest"):
        assert run.data.tags[tag] == reference.data.tags[tag]
    assert run.data.tags["elman.command"].endswith(" --trainer.max_time_steps=800")
    assert "What does the next character depend on?" in run.data.tags["mlflow.note.content"]
    for part in ("state_dict", "optimizer_states", "elman"):
        assert not differences(folder.last(run)[part], folder.last(reference)[part])
        assert not differences(folder.best(run)[part], folder.best(reference)[part])
    found, wanted = measured(folder, run), measured(folder, reference)
    assert wanted <= found
    assert found - wanted <= before  # what the end of the first budget has added stays
    assert len({p[:2] for p in found}) == len(found)
    resumed = (folder.path / "cache").is_dir() and run.outputs.model_outputs
    assert len(resumed) == 2  # a model of each end


def test_minutes_are_those_of_all_starts(folder, one):
    recipe = folder.write("r.yaml", ECHO)
    assert one("fit", recipe, "--trainer.max_minutes=1e-6")[0] == 0
    run = folder.run()
    assert folder.last(run)["elman"]["time_steps"] == 24
    spent = folder.last(run)["callbacks"]["Budget"]["minutes"]
    code, _, err = one("fit", "--resume", run.info.run_id, f"--trainer.max_minutes={spent / 2}")
    assert code == 2
    assert f"is spent: run {run.info.run_id}" in err
    assert one("fit", "--resume", run.info.run_id, "--trainer.max_minutes=9")[0] == 0
    assert folder.last(run)["elman"]["time_steps"] == 240
    assert folder.last(run)["callbacks"]["Budget"]["minutes"] > spent


def test_a_schedule_that_follows_the_budget_is_named(folder, one):
    recipe = folder.write("r.yaml", ECHO)
    assert one("fit", recipe, "--model.schedule=Cosine")[0] == 0
    code, out, _ = one("fit", "--resume", folder.run().info.run_id, "--trainer.max_epochs=0.01")
    assert code == 0
    line = "model.schedule=Cosine now ends at trainer.max_epochs=0.01; what was trained followed trainer."
    assert f"{line}max_time_steps=240" in out


def test_a_run_that_keeps_no_recipe(folder, one):
    run = folder.client.create_run("0")
    code, _, err = one("fit", "--resume", run.info.run_id)
    assert code == 2
    assert (
        f"keeps no recipe; give the one it was started with: elman fit RECIPE.yaml --resume {run.info.run_id}"
        in err
    )
