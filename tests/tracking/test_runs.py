"""Runs of a store as rows: what asking for many of them must not cost."""

import gc

import pytest
from mlflow.exceptions import MlflowException

from elman.tracking.runs import search_runs


@pytest.fixture
def experiment(client):
    number = client.create_experiment("many")
    for _ in range(3):
        client.create_run(number)
    return number


def test_no_garbage_is_sought_while_runs_are_read(client, experiment):
    """A page is a hundred thousand objects, none of them garbage: looking for it takes most of the time."""
    sought, inside = [], []
    asked = client.search_runs

    def watched(*words):
        before = len(sought)
        gc.set_threshold(1, 1, 1)  # as often as can be
        found = asked(*words)
        inside.append(len(sought) - before)
        return found

    client.search_runs = watched
    thresholds, watch = gc.get_threshold(), lambda phase, info: sought.append(phase)
    gc.callbacks.append(watch)
    try:
        assert len(list(search_runs(client, [experiment], page=2))) == 3
    finally:
        gc.callbacks.remove(watch)
        gc.set_threshold(*thresholds)
    assert inside == [0, 0]
    assert gc.isenabled()


def test_it_is_sought_again_after_an_error(client, experiment):
    with pytest.raises(MlflowException):
        list(search_runs(client, [experiment], "nonsense"))
    assert gc.isenabled()
