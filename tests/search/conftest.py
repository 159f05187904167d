"""What tests of searches share."""

import warnings

import pytest


@pytest.fixture
def strict():
    """Warnings of Optuna, plotly and matplotlib are errors; files that other tests left open are not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for category in (ResourceWarning, pytest.PytestUnraisableExceptionWarning):
            warnings.simplefilter("default", category)
        yield
