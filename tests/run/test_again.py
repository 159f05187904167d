"""Runs that go on by themselves: in a requeued job of SLURM, and by --resume=auto."""

import os
import signal

import pytest
from launching import ECHO, Fit, wait_until

from elman.cli import main
from elman.tracking.tags import CHECKPOINTS_TAG

JOB = {"SLURM_JOB_ID": "7", "SLURM_CLUSTER_NAME": "one"}
AGAIN = {**JOB, "SLURM_RESTART_COUNT": "1"}
LONG = ["fit", "echo.yaml", "--trainer.max_time_steps=4800", "--trainer.checkpoint_every_minutes=0.001"]


@pytest.fixture
def job(folder):
    """Start `elman WORDS...` in a job, whose `scontrol` notes what it is asked."""
    folder.write("echo.yaml", ECHO)
    folder.write("scontrol", '#!/bin/sh\necho "$@" >> asked.txt\n')
    os.chmod("scontrol", 0o755)
    started = []

    def start(*words, environment):
        path = {"PATH": f"{folder.path}{os.pathsep}{os.environ['PATH']}"}
        started.append(Fit(*words, environment={**path, **environment}))
        return started[-1]

    yield start
    for process in started:
        process.end()


def test_a_requeued_job_goes_on_with_its_run(job, folder):
    """SIGUSR1 stops it in order and requeues it; another job and another recipe begin runs of their own."""
    first = job(*LONG, environment=JOB)
    wait_until(folder.checkpoints)
    first.signal(signal.SIGUSR1)
    assert first.wait() == 128 + signal.SIGUSR1, first.output
    assert folder.run().info.status == "KILLED"
    assert (folder.path / "asked.txt").read_text() == "requeue 7\n"
    assert first.output.splitlines()[-1].startswith("job 7 is in the queue again")

    assert job(*LONG, environment={**AGAIN, "SLURM_JOB_ID": "8"}).wait() == 0
    assert len(folder.runs()) == 2
    again = job(*LONG, environment=AGAIN)
    assert again.wait() == 0, again.output
    assert [run.info.status for run in folder.runs()] == ["FINISHED"] * 2
    nothing = job(*LONG, environment=AGAIN)
    assert nothing.wait() == 0, nothing.output
    assert nothing.output.endswith("of this job has finished; there is nothing left to do\n")
    assert len(folder.runs()) == 2


def test_auto_goes_on_where_it_can(job, folder):
    """With what was killed, though not where its checkpoints are gone."""
    auto = [*LONG, "--resume=auto"]
    killed = job(*auto, environment={})
    wait_until(folder.checkpoints)
    killed.signal(signal.SIGKILL)
    killed.wait()
    assert main(auto) == 0
    assert folder.run().info.status == "FINISHED"

    lost = job(*auto, environment={})
    wait_until(lambda: len(folder.runs()) == 2 and folder.runs()[0].data.tags.get(CHECKPOINTS_TAG))
    lost.signal(signal.SIGKILL)
    lost.wait()
    os.rename(folder.path / "checkpoints" / folder.runs()[0].info.run_id, "elsewhere")
    assert main(auto) == 0
    assert len(folder.runs()) == 3
