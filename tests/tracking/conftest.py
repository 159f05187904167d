import os
import shutil

import mlflow
import pytest

os.environ["DO_NOT_TRACK"] = "true"  # no network: MLflow would report its use


@pytest.fixture(scope="session")
def fresh_store(tmp_path_factory):
    """A migrated database; the first touch of a new one costs seconds, a copy nothing."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    mlflow.MlflowClient(f"sqlite:///{path}")
    return path


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, fresh_store):
    """An empty working folder with a store of its own, where no setting of the machine reaches."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    shutil.copy(fresh_store, tmp_path / "mlflow.db")
    return tmp_path


@pytest.fixture
def uri(folder):
    return f"sqlite:///{folder}/mlflow.db"


@pytest.fixture
def client(uri):
    return mlflow.MlflowClient(uri)
