"""From a search's file to the finished recipe of a trial."""

import pytest
from search_toys import BASE, SEARCH

from elman.recipes.recipe import parse
from elman.search.space.definition import read_search


@pytest.fixture
def read(tmp_path):
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "search.yaml").write_text(SEARCH)
    return lambda *words: read_search(["search.yaml", *words])


VALUES = {"k1": 3, "k2/k1": 2, "layers": 2}


def test_the_trial_is_a_recipe_that_fit_runs(read, tmp_path):
    recipe = read("--model.clip=3", "--budget.trials=9").recipe(VALUES, threads=2)
    (tmp_path / "trial.yaml").write_text(recipe.minimal)
    again = parse("fit", ["trial.yaml"]).config
    assert again.model.bptt.init_args.as_dict() == {"k1": 3, "k2": 6, "scored": "fresh"}
    assert again.model.core.init_args.layers == 2
    assert again.model.core.init_args.hidden_size == 4
    assert again.model.clip == 3
    assert again.trainer.threads == 2
    assert again.trainer.monitor == "val/bits_per_step"
    assert parse("fit", ["trial.yaml"]).digest == recipe.digest


@pytest.mark.parametrize(
    ("words", "processes", "devices", "threads"),
    [((), 1, 1, 4), ((), 2, 2, 2), (("--trainer.devices=4",), 1, 4, 1)],
)
def test_processes_and_their_threads(read, words, processes, devices, threads):
    trainer = read(*words).recipe(VALUES, threads=4, processes=processes).config.trainer
    assert (trainer.devices, trainer.threads) == (devices, threads)


def test_what_the_base_sets_stays(read):
    trainer = read("--trainer.threads=3", "--trainer.monitor=val/accuracy").recipe(VALUES, threads=1)
    assert trainer.config.trainer.threads == 3
    assert trainer.config.trainer.monitor == "val/accuracy"


@pytest.mark.parametrize(
    ("objective", "monitor"),
    [
        ("val/accuracy: maximize", "val/accuracy"),
        (
            "val/accuracy: minimize",
            None,
        ),  # the worst is wanted: the best checkpoint is that of the loss
        ("cost/seconds: minimize", None),
    ],
)
def test_the_best_checkpoint_is_that_of_the_first_objective(read, tmp_path, objective, monitor):
    (tmp_path / "search.yaml").write_text(SEARCH.replace("val/bits_per_step: minimize", objective))
    assert read().recipe(VALUES).config.trainer.monitor == monitor


def test_options_go_where_they_belong(read):
    search = read("--sampler=GP", "--data.lag=3", "--name=other", "--seed=4", "--seed_everything=5")
    assert (search.settings.sampler, search.settings.seed, search.name) == ("GP", 4, "other")
    assert search.base.config.data.init_args.lag == 3
    assert search.base.config.seed_everything == 5


def test_a_change_of_class_keeps_what_both_take(read, tmp_path, caplog):
    classes = SEARCH.replace("  model.bptt.k1", "  model.bptt: [Full, Truncated]\n  model.bptt.k1")
    (tmp_path / "search.yaml").write_text(classes)
    recipe = read().recipe({"bptt": "Full", "layers": 1})
    assert recipe.config.model.bptt.class_path == "elman.bptt.Full"
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_the_question_and_the_name(read):
    search = read()
    assert search.question == "Which windows?"
    assert search.name.endswith("/search")
    assert search.folder.parent.name == "searches"
