"""Every recipe of the repository is built by the command line and takes an update."""

import json
import shutil
from pathlib import Path

import mlflow
import pytest
import sound_toys
import standard_toys
import table_toys
import yaml

from elman.cli import main
from elman.recipes.recipe import make_task, parse
from elman.search.space.checks import common, refuse_impossible
from elman.search.space.definition import read_search

FOLDER = Path(__file__).parents[1] / "experiments"
FILES = sorted(FOLDER.glob("**/*.yaml"))
SEARCHES = [path for path in FILES if "\nspace:" in path.read_text(encoding="utf-8")]
ELSEWHERE = [path for path in FILES if path.parent.name == "lecture"]
"""Trained claim by claim in tests/lecture."""
RECIPES = [path for path in FILES if path not in (*SEARCHES, *ELSEWHERE)]
GROUPS = {  # recipes of a folder that are compared with one another; in all others, all of them are
    "windows": [],
    "adaptive_copy": [],  # the learning rate follows k
    "influence_balancing": [],  # each at its own rate and length
    "reach": ["echo_*.yaml", "[!e]*.yaml"],
    "forecast": [],
    "lecture": [],  # each is a claim of its own
    "relationships": [],
    "sentiment": [],
    "spoken_digits": [],
    "waveform": [],
    "standard": [],
    "copy_memory": ["*_100.yaml"],
    "adding_problem": ["*_150.yaml", "*_400.yaml"],
    "regular_languages": ["[ep]*.yaml"],  # one takes longer
    "jsb": [],  # each size and cell at its own rate
}
TINY = {  # data: options that make it small
    "Text": [
        *("--data.path=text.txt", "--data.val_files=[]", "--data.test_files=[]"),
        *("--data.batch_size=2", "--data.steps=60", "--data.val_batch_size=1"),
    ],
    "MNIST": ["--data.path=mnist"],
    "PianoRolls": ["--data.path=music.mat"],
    "Echo": ["--data.batch_size=2", "--data.val_batches=1"],
    "Adding": ["--data.batch_size=2", "--data.val_batches=1"],
    "Ones": ["--data.losses=120", "--data.batches=1"],
    "CopyBlocks": [
        *("--data.batch_size=2", "--data.steps=110", "--data.train_steps=110", "--data.eval_steps=110"),
        "--model.window=110",
    ],
    "CopyCurriculum": ["--data.batch_size=2"],
    "CopyMemory": ["--data.batch_size=2", "--data.val_batches=1"],
    "AnBn": [
        *("--data.steps=50", "--data.batches_per_sequence=2", "--data.val_batches=2"),
    ],
    "RegularLanguage": ["--data.batch_size=2", "--data.val_batches=2"],
    "MNIST1D": [],
    "ASequence": [],
    "Digits": [],
    "DigitCaptions": [],
    "MovingDigits": ["--data.videos=20", "--data.val_videos=5", "--data.batching.workers=0"],
    "Oscillators": ["--data.batch_size=2", "--data.val_batches=1"],
    "Audio": ["--data.path=digits"],
    "Tones": ["--data.batch_size=2", "--data.val_batches=1"],
    "Waveform": ["--data.path=digits", "--data.batching.batch_size=2", "--data.batching.steps=60"],
    "Table": ["--data.path=table.csv"],
    "Negation": ["--data.batch_size=2", "--data.val_batches=1"],
    "LabelledText": ["--data.path=reviews.csv", "--data.split.folds=2"],
}
QUICK = [
    "--trainer.max_epochs=null",
    "--trainer.max_time_steps=1",
    "--trainer.progress=false",
    "--trainer.accelerator=cpu",
    "--tracking.system_metrics=false",
]


def name(path):
    return path.relative_to(FOLDER).as_posix()


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def toys(tmp_path_factory):
    """What recipes read, made once."""
    tmp_path = tmp_path_factory.mktemp("toys")
    reviews = [f"film {i} is {word},{label}" for i in range(9) for word, label in (("good", 1), ("bad", 0))]
    (tmp_path / "reviews.csv").write_text("\n".join(["text,label", *reviews]))
    standard_toys.mnist_folder(tmp_path / "mnist")
    table_toys.forecast_table(tmp_path / "table.csv")
    standard_toys.piano_rolls(tmp_path / "music.mat")
    sound_toys.spoken_digits(tmp_path / "digits")
    (tmp_path / "text.txt").write_text("what the gate lets in, the cell keeps\n" * 50)
    return tmp_path


@pytest.fixture
def folder(tmp_path, monkeypatch, fresh_store, toys):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(toys, tmp_path, dirs_exist_ok=True)
    shutil.copy(fresh_store, tmp_path / "mlflow.db")
    return tmp_path


def test_there_are_recipes():
    assert {"char_lm", "reach", "adding"} <= {path.parent.name for path in RECIPES}
    assert {"char_lm", "windows"} <= {path.parent.name for path in SEARCHES}


@pytest.mark.parametrize("file", SEARCHES, ids=name)
def test_every_corner_of_a_search_can_run(file, folder):
    """Trials themselves are run in tests/search."""
    search = read_search([str(file)])
    data = search.base.config.data.class_path.rpartition(".")[2]
    search = read_search([str(file), *TINY[data]])
    refuse_impossible(search)
    assert common(search).max_time_steps == search.settings.fixed["trainer.max_time_steps"]
    assert f"#   elman search experiments/{name(file)}" in file.read_text(encoding="utf-8")


STRATEGIES = FOLDER / "strategies" / "search.yaml"


@pytest.mark.parametrize("strategy", read(STRATEGIES)["space"]["model.bptt"], ids=str)
def test_every_strategy_that_is_searched_trains_on_data_of_that_length(strategy, folder):
    asked = read(STRATEGIES)
    recipe = {**asked["fixed"], "model.bptt": strategy}
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in recipe.items()}
    words = [f"--{key}={text}" for key, text in texts.items()]
    assert main(["fit", str(STRATEGIES.parent / asked["recipe"]), *words, *QUICK]) == 0


@pytest.mark.parametrize("file", SEARCHES, ids=name)
def test_a_search_is_no_recipe(file, folder, capsys):
    assert main(["fit", str(file)]) == 2
    assert f"elman search {file}" in capsys.readouterr().err


def classes(block):
    """The classes that a block of a recipe names, in order."""
    if isinstance(block, list):
        return [each for part in block for each in classes(part)]
    if not isinstance(block, dict):
        return []
    own = [block["class_path"]] if "class_path" in block else []
    return own + [each for key in sorted(block) for each in classes(block[key])]


def kind(path):
    """What decides which code a recipe runs: its classes, without the strategies that reach compares."""
    named = classes(read(path))
    return tuple(each for each in named if path.parent.name != "reach" or not each.startswith("elman.bptt"))


TRAINED = {kind(path): path for path in reversed(RECIPES)}
"""One of all of a kind."""


@pytest.mark.parametrize("recipe", [path for path in RECIPES if path not in TRAINED.values()], ids=name)
def test_is_built(recipe, folder):
    data = read(recipe)["data"]["class_path"].rpartition(".")[2]
    parts = parse("fit", [str(recipe), *TINY[data], *QUICK]).classes()
    parts.data.setup("fit")
    make_task(parts, parts.data)


@pytest.mark.parametrize("recipe", sorted(TRAINED.values()), ids=name)
def test_takes_an_update(recipe, folder, capsys):
    data = read(recipe)["data"]["class_path"].rpartition(".")[2]
    assert main(["fit", str(recipe), *TINY[data], *QUICK]) == 0
    client = mlflow.MlflowClient()
    (run,) = client.search_runs([e.experiment_id for e in client.search_experiments()])
    assert run.info.status == "FINISHED"
    assert run.data.metrics["train/updates"] >= 1
    assert run.data.tags["mlflow.note.content"]
    assert list(folder.glob("checkpoints/*/best.ckpt"))


@pytest.mark.parametrize("recipe", RECIPES, ids=name)
def test_asks_a_question_and_says_how_to_answer_it(recipe):
    first, *header = recipe.read_text(encoding="utf-8").split("\nseed_everything")[0].splitlines()
    assert first.startswith("# ")
    assert f"#   elman fit experiments/{name(recipe)}" in "\n".join(header)


@pytest.mark.parametrize("group", sorted({path.parent for path in RECIPES}), ids=name)
def test_recipes_of_a_comparison_differ_in_one_block(group):
    for pattern in GROUPS.get(group.name, ["*.yaml"]):
        recipes = [read(path) for path in sorted(group.glob(pattern)) if path not in SEARCHES]
        assert len(recipes) > 1
        blocks = [{**recipe.pop("model"), **recipe} for recipe in recipes]
        keys = {key for block in blocks for key in block}
        differing = {key for key in keys if any(block.get(key) != blocks[0].get(key) for block in blocks)}
        assert len(differing) == 1
