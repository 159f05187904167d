"""Every test works in an empty folder, no setting of the machine in reach, no network but loopback."""

from __future__ import annotations

import gc
import os
import shutil
from pathlib import Path

os.environ["DO_NOT_TRACK"] = "true"  # MLflow would report its use
os.environ.setdefault("OMP_NUM_THREADS", "1")  # the suite runs in parallel; tiny tensors need no threads

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What names the native kernel among its parameters needs a C compiler, which pip cannot bring."""
    for item in items:
        if "native" in item.name.partition("[")[2]:
            item.add_marker(pytest.mark.compiler)
        if item.get_closest_marker("compiler") and not shutil.which(os.environ.get("CC", "cc").split()[0]):
            item.add_marker(pytest.mark.skip(reason="no C compiler"))


def pytest_collection_finish() -> None:
    """What was imported lives as long as the tests: looking through it for garbage costs a share of them."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.fixture(scope="session")
def fresh_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database; the first touch of a new one costs seconds, a copy nothing."""
    import mlflow

    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    mlflow.MlflowClient(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the native kernel is built, once for all tests and their processes."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "native"


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working folder, caches and stores in it."""
    for name in list(os.environ):
        if name.startswith(("MLFLOW_", "ELMAN_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("ELMAN_NATIVE_CACHE", str(built))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def folder(tmp_path: Path, fresh_store: Path) -> Path:
    """A working folder with a store."""
    shutil.copy(fresh_store, tmp_path / "mlflow.db")
    return tmp_path


@pytest.fixture
def uri(folder: Path) -> str:
    return f"sqlite:///{folder}/mlflow.db"


@pytest.fixture
def client(uri: str):
    import mlflow

    return mlflow.MlflowClient(uri)
