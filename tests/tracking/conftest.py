import pytest


@pytest.fixture(autouse=True)
def stored(folder):
    """Every test here works in a folder with a store."""
