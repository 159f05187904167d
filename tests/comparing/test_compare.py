"""`elman compare` over a store: what its words stand for, and what it refuses."""

import json

import pytest

from elman.cli import main
from elman.tracking.floor import floor_tags

RECIPE = """\
model: {core: {class_path: GRU, init_args: {hidden_size: 5}}}
data: {class_path: Echo, init_args: {lag: 2, steps: 12}}
trainer: {max_time_steps: 240}
tracking: {experiment: pairs}
"""


@pytest.fixture
def store(folder, client, capsys):
    """A store with a group of three GRUs, five LSTMs alone, one other data and one that monitors accuracy."""
    experiments = {name: client.create_experiment(name) for name in ("pairs", "other")}

    def run(core, seed, value, *, group, parent=None, experiment="pairs", digest="aa", ended=True, **params):
        tags = {
            "elman.group": group,
            "elman.recipe": f"reach/{core.lower()}",
            **floor_tags({"nats_per_step": 0.7}),
        }
        if parent:
            tags |= {"mlflow.parentRunId": parent, "elman.member": f"seed {seed}"}
        made = client.create_run(
            experiments[experiment], run_name=f"{core} seed {seed}", tags=tags
        ).info.run_id
        own = {
            "seed_everything": seed,
            "model.core.class_path": f"elman.cores.{core}",
            "data.lag": 2,
            **params,
        }
        for key, given in own.items():
            client.log_param(made, key, given)
        for step, figure in ((10, value + 0.1), (20, value), (30, value + 0.05)):
            client.log_metric(made, "val/nats_per_step", figure, step=step)
            client.log_metric(made, "val/accuracy", 1 - figure, step=step)
        from mlflow.entities import Dataset, DatasetInput

        data = Dataset("echo", digest, "elman", "{}", profile=json.dumps({"digest": digest}))
        client.log_inputs(made, datasets=[DatasetInput(data, [])])
        if ended:
            client.set_terminated(made, "FINISHED")
        return made

    group = client.create_run(
        experiments["pairs"],
        run_name="gru-seeds",
        tags={"elman.group": "g", "elman.varies": "seed", "elman.recipe": "reach/gru"},
    ).info.run_id
    from elman.recipes.recipe import parse

    (folder / "gru.yaml").write_text(RECIPE)
    digest = parse("fit", ["gru.yaml"]).group_digest
    grus = [run("GRU", s, 0.1 + s / 100, group=digest, parent=group) for s in (1, 2, 3)]
    lstms = [run("LSTM", s, 0.2 + s / 90, group="l") for s in (1, 2, 3, 4, 5)]
    run("LSTM", 6, 0.2, group="l", ended=False)
    run("LSTM", 7, 0.3, group="o", experiment="other", digest="bb")
    monitored = {"trainer.monitor": "val/accuracy"}
    run("Elman", 8, 0.3, group="m", experiment="other", **monitored)

    def ask(*words):
        capsys.readouterr()
        code = main(["compare", *words])
        out, err = capsys.readouterr()
        return (json.loads(out) if code == 0 else None), err

    ask.group, ask.grus, ask.lstms = group, grus, lstms
    return ask


def counts(answer):
    return {recipe["name"]: recipe["ended"] for recipe in answer["recipes"]}


def test_a_recipe_a_group_a_run_and_an_experiment(store):
    by_group, _ = store("gru-seeds", "gru.yaml", "--format=json", "--force")
    assert [recipe["ended"] for recipe in by_group["recipes"]] == [3, 3]
    whole, _ = store("pairs", "--format=json")
    assert counts(whole) == {"GRU": 3, "LSTM": 5}
    assert whole["recipes"][1]["unfinished"] == 1
    (pair,) = whole["pairs"]
    assert (pair["first"], pair["second"]) == ("GRU", "LSTM")
    assert pair["difference"]["paired"] is True
    assert pair["difference"]["count"] == 3
    assert pair["difference"]["mean"] == pytest.approx(0.1 + (1 / 90 - 1 / 100) * 2)
    assert "differs: model.core: GRU, LSTM" in whole["notes"]
    single, _ = store(store.grus[0], store.lstms[0], "--format=json")
    assert counts(single) == {"GRU": 1, "LSTM": 1}
    assert "another seed may turn" in single["sentences"][0]
    last, _ = store("pairs", "--format=json", "--value=last", "--metric=val/accuracy")
    assert last["recipes"][0]["runs"][0]["value"] == pytest.approx(1 - 0.16)
    assert last["pairs"][0]["difference"]["mean"] < 0


def test_figures_that_mean_different_things_are_refused_unless_forced(store):
    _, err = store("gru-seeds", "LSTM seed 7")
    assert "gru-seeds and LSTM seed 7 are of unlike data or scores: echo aa and bb" in err
    assert err.count("\n") == 1
    assert "--force" in err
    forced, _ = store("gru-seeds", "LSTM seed 7", "--force", "--format=json")
    assert "unlike data" in forced["notes"][0]
    _, err = store("gru-seeds", "Elman seed 8")
    assert "these monitor different metrics" in err
    named, _ = store("gru-seeds", "Elman seed 8", "--metric=val/accuracy", "--format=json")
    assert named["metric"] == "val/accuracy"


REFUSED = [
    (["gru-seeds"], "gru-seeds is one recipe; name another one"),
    (["gru-seeds", "nothing"], "'nothing' is no recipe, run, group or experiment with runs"),
    (["gru-seeds", "gru.yaml", "--data.lag=3"], "gru.yaml: no run of this recipe with --data.lag=3"),
    (["pairs", "--metric=val/acuracy"], "no run of it has val/acuracy; did you mean 'val/accuracy'?"),
    (["pairs", "--output=no/such.png"], "there is no folder no"),
    (["pairs", "--output=two.gif"], "a picture is one of .png, .svg, .pdf, .html"),
    (["pairs", "--top=3"], "there is no option --top=3 here"),
    (["LSTM seed 6", "LSTM seed 5"], "none of its 1 runs has ended"),
    ([], "something is missing"),
]


def test_what_cannot_be_compared_is_one_line(store):
    for words, line in REFUSED:
        answer, err = store(*words)
        assert answer is None
        assert line in err
        assert err.count("\n") == 1
