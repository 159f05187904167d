"""Processes that Lightning's launcher has started end with the one that started them."""

import subprocess
import sys
import time

import psutil
import pytest

WAITS = """
import datetime, os, sys
from torch.distributed import TCPStore
from elman.run.left_alone import end_with
end_with(int(sys.argv[1]), look=0.1, grace=0.1)
print("waits", flush=True)
TCPStore("127.0.0.1", 1, is_master=False, timeout=datetime.timedelta(seconds=600))
"""
STARTS = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1], str(os.getpid())], stderr=subprocess.DEVNULL)
print(child.pid, flush=True)
child.wait()
"""


@pytest.mark.parametrize("early", [True, False])
def test_a_process_that_waits_for_one_that_was_killed_ends(early):
    starter = subprocess.Popen([sys.executable, "-c", STARTS, WAITS], stdout=subprocess.PIPE, text=True)
    child = psutil.Process(int(starter.stdout.readline()))
    if not early:
        assert starter.stdout.readline() == "waits\n"
        time.sleep(0.5)  # it is inside of torch, which obeys no signal
        assert child.is_running()
    starter.kill()
    starter.wait()
    starter.stdout.close()
    child.wait(60)
