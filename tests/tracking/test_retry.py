"""Waiting for a store that is unreachable."""

import pytest

from elman.errors import BadInput
from elman.tracking.retry import RetryingClient, retry


class Flaky:
    """A client whose first calls fail."""

    def __init__(self, *errors):
        self.errors = list(errors)

    def get_run(self, run_id, *, deep=False):
        if self.errors:
            raise self.errors.pop(0)
        return run_id, deep


def test_a_client_waits_for_its_store():
    client = RetryingClient(Flaky(ConnectionError(), TimeoutError()), seconds=60)
    assert client.get_run("a", deep=True) == ("a", True)


def test_a_client_without_time_raises_at_once():
    client = RetryingClient(Flaky(ConnectionError("gone")), seconds=0)
    with pytest.raises(ConnectionError, match="gone"):
        client.get_run("a")
    assert client.get_run("a") == ("a", False)


@pytest.mark.parametrize("error", [FileNotFoundError("missing"), BadInput("missing"), ValueError("missing")])
def test_what_was_asked_wrongly_is_not_asked_again(error):
    flaky = Flaky(error, error)
    with pytest.raises(type(error), match="missing"):
        retry(lambda: flaky.get_run("a"), what="reading", seconds=60)
    assert len(flaky.errors) == 1
