import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for `launching` and `toy_data`, here and in what is started

import launching
from launching import TINY, Fit, Folder


@pytest.fixture
def folder(tmp_path, monkeypatch, fresh_store):
    """A working folder with a store and a text."""
    monkeypatch.setenv("PYTHONPATH", launching.PYTHONPATH)
    shutil.copy(fresh_store, tmp_path / "mlflow.db")
    return Folder(tmp_path)


@pytest.fixture
def recipe(folder):
    return folder.write("tiny.yaml", TINY)


@pytest.fixture
def fit(recipe):
    """Start `elman fit WORDS...`, of tiny.yaml unless they name a recipe; what runs at the end is killed."""
    started = []

    def start(*words, **more):
        recipes = [] if any(str(word).endswith(".yaml") for word in words) else [recipe]
        started.append(Fit("fit", *recipes, *words, **more))
        return started[-1]

    yield start
    for process in started:
        process.end()


@pytest.fixture
def uri(folder):
    return f"sqlite:///{folder.path}/mlflow.db"
