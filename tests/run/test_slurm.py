"""A step of SLURM trains one run: where a cluster answers, if only of one machine."""

import shutil
import subprocess
import sys

import pytest
from launching import ECHO

ANSWERS = (
    bool(shutil.which("srun"))
    and not subprocess.run(["sinfo", "--noheader"], capture_output=True, check=False, timeout=30).returncode
)
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not ANSWERS, reason="no srun, or no cluster behind it")]


def test_srun(folder):
    folder.write("echo.yaml", ECHO)
    command = ["srun", "--ntasks=2", "--nodes=1", sys.executable, "-m", "elman", "fit", "echo.yaml"]
    done = subprocess.run(command, capture_output=True, check=False, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("dashboard: ") == done.stdout.count("; run ") == 1
    run = folder.run()
    assert (run.info.status, run.data.params["trainer.devices"]) == ("FINISHED", "1")
    assert len(folder.last(run)["elman"]["states"]) == 2
    refused = subprocess.run(
        [*command, "--trainer.devices=3"], capture_output=True, check=False, text=True, timeout=300
    )
    assert refused.returncode == 2
    assert [line for line in refused.stderr.splitlines() if line.startswith("elman")] == [
        "elman: error: trainer.devices=3, but srun has started 2 on this machine; leave trainer.devices out, "
        "or have srun start 3"
    ]
