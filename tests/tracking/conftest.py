import shutil

import mlflow
import pytest


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
