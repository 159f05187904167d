import shutil
import sys
from pathlib import Path

import mlflow
import pytest

from elman.cli import main

sys.path.insert(0, str(Path(__file__).parents[1] / "run"))  # for `launching`


@pytest.fixture(autouse=True)
def folder(tmp_path, fresh_store):
    """A working folder with a store."""
    shutil.copy(fresh_store, tmp_path / "mlflow.db")
    return tmp_path


@pytest.fixture
def uri(folder):
    return f"sqlite:///{folder}/mlflow.db"


@pytest.fixture
def client(uri):
    return mlflow.MlflowClient(uri)


@pytest.fixture
def answer(capsys):
    """Run a command that must do well; what it prints."""

    def run(*words):
        capsys.readouterr()
        assert main([str(word) for word in words]) == 0
        return capsys.readouterr().out

    return run


@pytest.fixture
def complaint(capsys):
    """Run a command that must be refused; its one line."""

    def run(*words):
        capsys.readouterr()
        assert main([str(word) for word in words]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("elman: error: ")
        assert err.count("\n") == 1
        return err

    return run
