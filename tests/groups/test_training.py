"""Runs of a group end well, crash, are refused, are stopped: each has one run, and one right end."""

import os
import signal
import threading

import pytest
from group_toys import ToyRun, group_runs
from launching import wait_until

from elman.errors import BadInput
from elman.groups.member import Member
from elman.groups.training import Training, is_elsewhere, is_open
from elman.search.workers.places import Lease
from elman.tracking.group_run import GroupRun
from elman.tracking.process import identity


@pytest.fixture
def train(uri, client, tmp_path):
    """Train the seeds of scripts; (the training, what it returned)."""

    def run(scripts, *, places=1, began=None):
        runs = GroupRun(uri, experiment="echo", digest="abc", varies="seed")
        runs.open("toys", {})
        members = [Member(seed=seed) for seed in range(1, len(scripts) + 1)]
        toy = ToyRun(
            {f"seed {i}": list(script) for i, script in enumerate(scripts, 1)},
            client,
            [] if began is None else began,
        )
        training = Training(
            runs,
            words={each: each.options() for each in members},
            recipe="toy.yaml",
            names={each: f"toy {each}" for each in members},
            places=[Lease(place=place, gpus=(), threads=1) for place in range(places)],
            folder=tmp_path / "checkpoints",
            say=lambda line: None,
            begin=toy,
        )
        training.began = toy.began
        left = [each for each in members if is_open(runs.members().get(str(each)))]
        try:
            return training, training.run(left)
        finally:
            runs.run.status("FINISHED")

    return run


def statuses(client):
    return {which: run.info.status for which, run in group_runs(client)[1].items()}


def test_a_crash_goes_on_and_the_third_one_is_the_last(train, client):
    training, code = train([[-9, 0], [1, 1, 1], []])
    assert code == 1
    assert statuses(client) == {"seed 1": "FINISHED", "seed 2": "FAILED", "seed 3": "FINISHED"}
    assert [member for member, _ in training.began] == ["seed 1"] * 2 + ["seed 2"] * 3 + ["seed 3"]
    assert training.began[0][1][-1] == "--seed_everything=1"
    why = group_runs(client)[1]["seed 2"].data.tags["elman.why"]
    assert why == "the file is not there (3 times)"
    training, code = train([[], [0], []])  # what failed is tried again, what is done is not
    assert (code, [member for member, _ in training.began]) == (0, ["seed 2"])
    assert set(statuses(client).values()) == {"FINISHED"}


def test_what_is_refused_for_one_is_refused_for_all(train, client):
    with pytest.raises(BadInput, match="the file is not there"):
        train([[2], [2], [2]])
    assert statuses(client) == {"seed 1": "FAILED"}


def test_a_refusal_after_others_trained_is_of_that_one(train, client):
    _, code = train([[], [2], []])
    assert code == 1
    assert statuses(client) == {"seed 1": "FINISHED", "seed 2": "FAILED", "seed 3": "FINISHED"}


def test_ctrl_c_stops_all_in_order(train, client):
    began = []

    def interrupt():
        wait_until(lambda: len(began) == 2)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    training, code = train([["long"], ["long"], []], places=2, began=began)
    assert code == 130
    assert statuses(client) == {"seed 1": "KILLED", "seed 2": "KILLED"}
    assert training.failed == {}


def test_what_another_process_trains_is_left_alone(uri, client):
    runs = GroupRun(uri, experiment="echo", digest="abc", varies="seed")
    runs.open("toys", {})
    row = runs.member("seed 1", "toy seed 1")
    assert runs.members()["seed 1"].status == "SCHEDULED"
    assert runs.member("seed 1", "toy seed 1").id == row.id
    client.update_run(row.id, "RUNNING")
    client.set_tag(row.id, "elman.process", identity())
    assert is_elsewhere(runs.members()["seed 1"])
    client.set_tag(row.id, "elman.process", identity().replace(f":{os.getpid()}:", ":999999:"))
    assert not is_elsewhere(runs.members()["seed 1"])
    assert is_open(runs.members()["seed 1"])
    with pytest.raises(BadInput, match="is being trained by process"):
        GroupRun(uri, experiment="echo", digest="abc", varies="seed").open("toys", {})
