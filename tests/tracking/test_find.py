"""Runs to continue, runs by name, runs of dead processes. One process here is really killed."""

import os
import signal
import subprocess
import sys

import pytest

from elman.errors import BadInput
from elman.tracking.find import find_run, mark_stale, unfinished
from elman.tracking.logger import RunLogger
from elman.tracking.process import identity

WRITER = """
import sys, time
from elman.tracking.logger import RunLogger
logger = RunLogger(run_name="killed", system_metrics=False)
logger.set_tags({"elman.recipe_digest": "abc", "elman.checkpoints": "/runs/1"})
logger.log_metrics({"a": 1.0}, step=5)
logger.deliver()
print(logger.run_id, flush=True)
time.sleep(600)
"""


def ended(status, name, digest="abc"):
    logger = RunLogger(run_name=name, system_metrics=False)
    logger.set_tags({"elman.recipe_digest": digest})
    logger.close(status)
    return logger.run_id


def test_kill_9_is_found_marked_and_continued(uri, client):
    writer = subprocess.Popen([sys.executable, "-c", WRITER], stdout=subprocess.PIPE, text=True)
    run_id = writer.stdout.readline().strip()
    (alive,) = unfinished(uri, "elman", "abc")
    assert (alive.id, alive.status, alive.alive, alive.checkpoints) == (run_id, "RUNNING", True, "/runs/1")
    assert mark_stale(uri) == []
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    (dead,) = unfinished(uri, "elman", "abc")
    assert (dead.id, dead.status, dead.alive) == (run_id, "RUNNING", False)
    assert mark_stale(uri) == [run_id]
    run = client.get_run(run_id)
    assert run.info.status == "FAILED"
    assert (
        run.data.tags["elman.why"]
        == f"its process {dead.tags['elman.process']} is gone, as after kill -9 or a power cut"
    )
    logger = RunLogger(run_id=run_id, system_metrics=False)
    logger.start()
    assert logger.last_logged_step == 5
    assert client.get_run(run_id).info.status == "RUNNING"
    logger.close()
    assert unfinished(uri, "elman", "abc") == []


def test_unfinished_are_the_same_recipe_and_newest_first(uri):
    killed, failed = ended("KILLED", "one"), ended("FAILED", "two")
    ended("FINISHED", "three")
    ended("FAILED", "four", digest="other")
    assert [(run.id, run.name) for run in unfinished(uri, "elman", "abc")] == [
        (failed, "two"),
        (killed, "one"),
    ]
    assert unfinished(uri, "no such experiment", "abc") == []


def test_a_run_by_id_beginning_or_name(uri):
    first, _ = ended("FINISHED", "one"), ended("FINISHED", "it's")
    assert find_run(uri, first).id == find_run(uri, first[:12]).id == find_run(uri, "one").id == first
    assert find_run(uri, "it's").name == "it's"
    with pytest.raises(BadInput, match="no run has the id or name 'two'"):
        find_run(uri, "two")
    with pytest.raises(BadInput, match="no run has"):
        find_run(uri, "")
    ended("FAILED", "one")
    with pytest.raises(BadInput, match=f"2 runs match 'one': .*{first}"):
        find_run(uri, "one")


def test_a_new_run_closes_those_of_dead_processes(client):
    logger = RunLogger(system_metrics=False)
    host, pid, start = identity().rsplit(":", 2)
    client.set_tag(logger.run_id, "elman.process", f"{host}:{pid}:1{start}")  # the pid was reused
    other = RunLogger(system_metrics=False)
    other.start()
    assert client.get_run(logger.run_id).info.status == "FAILED"
    assert client.get_run(other.run_id).info.status == "RUNNING"
    other.close()
    logger.close()


def test_runs_of_other_hosts_are_left_alone(uri, client):
    logger = RunLogger(system_metrics=False)
    client.set_tag(logger.run_id, "elman.process", "elsewhere:1:1.0")
    assert mark_stale(uri) == []
    assert find_run(uri, logger.run_id).alive is None
    logger.close()
