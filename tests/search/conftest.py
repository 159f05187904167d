"""What tests of searches share."""

import shutil
import warnings

import pytest
from search_toys import BASE, SEARCH


@pytest.fixture
def strict():
    """Warnings of Optuna, plotly and matplotlib are errors; files that other tests left open are not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for category in (ResourceWarning, pytest.PytestUnraisableExceptionWarning):
            warnings.simplefilter("default", category)
        yield


@pytest.fixture
def folder(tmp_path, fresh_store):
    shutil.copy(fresh_store, tmp_path / "mlflow.db")
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "search.yaml").write_text(SEARCH)
    return tmp_path
